import type { Delivered } from './accept.js';
import { RejectedError } from './errors.js';
import { findEndpoint } from './find-endpoint.js';
import type { AcceptPorts, Endpoint } from './ports.js';
import type { ReadingProvider } from './provider.js';

/** Finds the endpoint and verifies the signature over the exact bytes. Throws `RejectedError`. */
export async function authenticate(
  ports: Pick<AcceptPorts, 'endpoints' | 'publicBaseUrl' | 'now'>,
  provider: ReadingProvider,
  delivered: Delivered,
): Promise<Endpoint> {
  const requestTo = (endpoint: Endpoint) => ({
    body: delivered.body,
    headers: delivered.headers,
    url: (endpoint.publicUrl ?? ports.publicBaseUrl) + delivered.path,
    nowMs: ports.now(),
  });
  const signedBy = (endpoint: Endpoint) =>
    provider.verify({ ...requestTo(endpoint), secrets: endpoint.secrets });
  const known = await findEndpoint(ports.endpoints, provider, delivered.endpointKey);
  if (await signedBy(known)) return known;
  // The secret may have been rotated since the endpoints were last read.
  await ports.endpoints.reload().catch(() => undefined);
  const reloaded = ports.endpoints.find(provider.name, delivered.endpointKey);
  if (reloaded === null) throw new RejectedError('unknown_endpoint');
  if (await signedBy(reloaded)) return reloaded;
  throw new RejectedError('signature_invalid', undefined, provider.signatureHint?.(requestTo(reloaded)));
}
