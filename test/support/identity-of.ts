import type { Headers, Identity, Provider } from '@semel/core';

/** The provider's signed headers for this body: some providers put the event id in one of them. */
export const signedHeaders = (provider: Provider, body: Buffer, channel: string | null): Headers =>
  provider.sign(
    { channel, headers: {}, body },
    {
      url: 'https://hooks.example.test/webhooks/provider/endpoint',
      secret: provider.newSecret(),
      nowMs: Date.now(),
    },
  ).headers;

/** The receiver's event id, type and account for this body. */
export const identityOf = (provider: Provider, body: Buffer, channel: string | null): Identity =>
  provider.identify(body, channel, signedHeaders(provider, body, channel));

/** The name of the signature header. */
export function signatureHeaderOf(provider: Provider): string {
  const names = Object.keys(signedHeaders(provider, Buffer.from('{}'), null));
  const name = names.find((candidate) => candidate.includes('signature'));
  if (name === undefined) throw new Error(`${provider.name} signs in none of ${names}`);
  return name;
}
