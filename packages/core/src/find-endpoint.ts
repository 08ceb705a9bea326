import { RejectedError } from './errors.js';
import type { Endpoint, Endpoints } from './ports.js';
import type { Provider } from './provider.js';

/** The endpoint of a key; one that was added a moment ago as well. Throws `unknown_endpoint` where there is none. */
export async function findEndpoint(
  endpoints: Endpoints,
  provider: Pick<Provider, 'name'>,
  key: string,
): Promise<Endpoint> {
  const known = endpoints.find(provider.name, key);
  if (known !== null) return known;
  await endpoints.reload().catch(() => undefined);
  const reloaded = endpoints.find(provider.name, key);
  if (reloaded === null) throw new RejectedError('unknown_endpoint');
  return reloaded;
}
