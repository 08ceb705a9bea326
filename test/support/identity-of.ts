import { type Headers, type Identity, type Provider, scopeEventId } from '@semel/core';

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
export function identityOf(
  provider: Provider,
  body: Buffer,
  channel: string | null,
  endpoint: { id: string } = { id: 'ep_1' },
): Identity {
  const identity = provider.identify(body, channel, signedHeaders(provider, body, channel));
  return { ...identity, eventId: scopeEventId(provider, identity.eventId, endpoint.id) };
}

/** The name of the signature header. */
export function signatureHeaderOf(provider: Provider): string {
  const names = Object.keys(signedHeaders(provider, Buffer.from('{}'), null));
  const name = names.find((candidate) => candidate.includes('signature'));
  if (name === undefined) throw new Error(`${provider.name} signs in none of ${names}`);
  return name;
}
