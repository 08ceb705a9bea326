import type { Admin, EndpointRow } from '@semel/database/admin';
import { CliError } from '../cli-error.js';

/** The endpoint with this key; without a key the demo firm's, or the only one. */
export async function chooseEndpoint(
  admin: Pick<Admin, 'endpoints'>,
  provider: string,
  key: string | undefined,
): Promise<EndpointRow> {
  const all = await admin.endpoints.list({ provider });
  if (key !== undefined) {
    const named = all.find((endpoint) => endpoint.key === key || endpoint.id === key);
    if (named !== undefined) return named;
    throw new CliError('endpoint_unknown', `${provider} has no endpoint "${key}"`, { advice: oneOf(all) });
  }
  const enabled = all.filter(({ disabledAt }) => disabledAt === null);
  const [first, second] = enabled;
  if (first === undefined)
    throw new CliError('endpoint_missing', `${provider} has no endpoint that takes deliveries`, {
      advice: `add one: semel endpoint add --provider ${provider} …`,
    });
  const demo = enabled.find(({ firmSlug }) => firmSlug === 'demo');
  if (demo !== undefined) return demo;
  if (second === undefined) return first;
  throw new CliError('endpoint_ambiguous', `${provider} has ${enabled.length} endpoints`, {
    advice: oneOf(enabled),
  });
}

const oneOf = (endpoints: readonly EndpointRow[]) =>
  endpoints.length === 0
    ? 'add one: semel endpoint add'
    : `give --endpoint with one of: ${endpoints.map(({ key, firmSlug }) => `${key} (${firmSlug ?? 'platform'})`).join(', ')}`;
