import type { Headers, Identity, Provider } from '@semel/core';

/** What the provider's own signed headers are for this body: some providers name the event in one of them. */
export const signedHeaders = (provider: Provider, body: Buffer, channel: string | null): Headers =>
  provider.sign(
    { channel, headers: {}, body },
    {
      url: 'https://hooks.example.test/webhooks/provider/endpoint',
      secret: provider.newSecret(),
      nowMs: Date.now(),
    },
  ).headers;

/** As the receiver will name a delivery of this body. */
export const identityOf = (provider: Provider, body: Buffer, channel: string | null): Identity =>
  provider.identify(body, channel, signedHeaders(provider, body, channel));

/** The name of the header that has the signature in it. */
export function signatureHeaderOf(provider: Provider): string {
  const names = Object.keys(signedHeaders(provider, Buffer.from('{}'), null));
  const name = names.find((candidate) => candidate.includes('signature'));
  if (name === undefined) throw new Error(`${provider.name} signs in none of ${names}`);
  return name;
}
