import type { Provider } from '@semel/core';

export interface BenchRequest {
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

/** Signed deliveries of one type, each with its own id, at the real size of the provider's events. */
export function signedRequests(
  provider: Provider,
  type: string,
  options: { endpointKeys: readonly string[]; secret: string; publicBaseUrl: string; count: number },
): BenchRequest[] {
  const sample = provider.samples.find((candidate) => candidate.type === type);
  if (sample === undefined) throw new Error(`${provider.name} has no sample ${type}`);
  const route = provider.routes.find(({ channel }) => channel === sample.channel);
  const nowMs = Date.now();
  return Array.from({ length: options.count }, (_, i) => {
    const key = options.endpointKeys[i % options.endpointKeys.length];
    const path = `/webhooks/${provider.name}/${key}${route?.path ?? ''}`;
    const { body, contentType } = sample.build({ account: null, nowMs });
    const signed = provider.sign(
      { channel: sample.channel, headers: { 'content-type': contentType }, body },
      { url: options.publicBaseUrl + path, secret: options.secret, nowMs },
    );
    return { path, headers: signed.headers, body: signed.body };
  });
}
