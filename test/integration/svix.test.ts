import t from 'tap';
import { startHarness } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';

t.test('a Svix delivery has one event id, whatever unsigned headers are added', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const endpoint = await harness.addEndpoint('standard', await harness.addFirm());
  const { provider, secret, key } = endpoint;
  const url = `${harness.urls[0]}/webhooks/standard/${key}`;
  const signed = (id: string) => {
    const body = Buffer.from('{"type":"user.created"}');
    const delivery = { channel: null, headers: { 'webhook-id': id }, body };
    const { headers } = provider.sign(delivery, { url: '', secret, nowMs: Date.now() });
    const svix = Object.entries(headers).map(([name, value]) => [name.replace('webhook-', 'svix-'), value]);
    return { headers: Object.fromEntries(svix) as Record<string, string>, body };
  };
  const eventIdOf = (id: string) => `${id}@${endpoint.id.slice(-12)}`;
  const send = ({ headers, body }: ReturnType<typeof signed>, added: Record<string, string> = {}) =>
    harness.post({ url, headers: { ...headers, ...added }, body });

  await waitUntil(async () => (await send(signed('msg_0'))).status === 200, {
    what: 'the endpoint is known',
  });
  const captured = signed('msg_1');
  t.match(await send(captured), { status: 200, outcome: 'accepted', eventId: eventIdOf('msg_1') });
  for (const added of [
    { 'webhook-id': 'msg_2' },
    { 'webhook-id': 'msg_3', 'webhook-timestamp': captured.headers['svix-timestamp'] as string },
  ])
    t.match(await send(captured, added), { status: 200, outcome: 'duplicate', eventId: eventIdOf('msg_1') });
  const whole = { 'webhook-id': 'msg_4', 'webhook-timestamp': '1', 'webhook-signature': 'v1,AAAA' };
  t.match(await send(captured, whole), { status: 401, code: 'signature_invalid' });
  const { 'svix-id': id = '', ...rest } = captured.headers;
  t.match(await send({ ...captured, headers: { ...rest, 'webhook-id': id } }), { status: 401 }, 'mixed');
});
