import { RejectedError } from './errors.js';
import type { Endpoint, Endpoints } from './ports.js';
import type { Provider } from './provider.js';

/** Finds an endpoint, reading the endpoints again if it is not in memory. Throws `unknown_endpoint` if it does not exist. */
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
