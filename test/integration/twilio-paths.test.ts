import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { type Harness, type Sent, startHarness, type TestEndpoint } from '../support/harness.js';
import { waitUntil } from '../support/wait-until.js';

// Twilio's two URLs are easily swapped, or one is registered for both. No event may be lost then.

type Path = '/status' | '/inbound';
const paths: Path[] = ['/status', '/inbound'];
const newSid = () => `SM${randomBytes(16).toString('hex')}`;

interface Options {
  /** The URL's query as sent, and as signed. */
  query?: string;
  signedQuery?: string;
}

/** Posts a sample's body to any path. */
function post(harness: Harness, endpoint: TestEndpoint, path: Path, body: Buffer, options: Options = {}) {
  const { query = '', signedQuery = query } = options;
  const address = `/webhooks/twilio/${endpoint.key}${path}`;
  const { headers } = endpoint.provider.sign(
    { channel: null, headers: {}, body },
    {
      url: `https://hooks.example.test${address}${signedQuery}`,
      secret: endpoint.secret,
      nowMs: Date.now(),
    },
  );
  return harness.post({ url: `${harness.urls[0]}${address}${query}`, headers, body });
}

function assertReply(t: Test, sent: Sent, kind: 'json' | 'twiml', outcome: string, what: string) {
  t.equal(sent.status, 200, what);
  t.equal(sent.outcome, outcome, what);
  t.match(sent.headers.get('content-type'), kind === 'twiml' ? /^text\/xml/ : /^application\/json/, what);
  if (kind === 'twiml') t.equal(sent.text, '<Response/>', what);
  else t.match(JSON.parse(sent.text), { outcome, eventId: /^SM/ }, what);
}

t.test('both callback paths accept messages and statuses', async (t) => {
  const harness = await startHarness(t, { budgetMs: 4_000 });
  const enter = async () => {
    const endpoint = await harness.addEndpoint('twilio', await harness.addFirm());
    await waitUntil(async () => (await harness.send(endpoint, 'status:accepted')).status === 200, {
      what: 'the endpoint is known',
    });
    await harness.sql('DELETE FROM sms_messages WHERE firm_id = $1', [endpoint.firmId]);
    return endpoint;
  };
  const messageOf = (sid: string) =>
    harness.sql('SELECT direction, status, body FROM sms_messages WHERE twilio_message_sid = $1', [sid]);

  await t.test('statuses sent to /inbound are applied in order', async (t) => {
    const endpoint = await enter();
    const sid = newSid();
    const order: [string, Path][] = [
      ['sent', '/inbound'],
      ['delivered', '/status'],
      ['read', '/inbound'],
    ];
    for (const [status, path] of order) {
      const { body } = harness.buildBody(endpoint, `status:${status}`, {
        overrides: { id: sid, RawDlrDoneDate: undefined },
      });
      assertReply(t, await post(harness, endpoint, path, body), 'json', 'accepted', `${status} by ${path}`);
      for (const again of paths)
        assertReply(t, await post(harness, endpoint, again, body), 'json', 'duplicate', `again by ${again}`);
      await waitUntil(async () => (await messageOf(sid))[0]?.status === status, { what: status });
    }
    t.match(await messageOf(sid), [{ direction: 'outbound', status: 'read', body: null }]);
  });

  await t.test('a STOP sent to /status opts out, and is answered with TwiML', async (t) => {
    const endpoint = await enter();
    const sid = newSid();
    const { body } = harness.buildBody(endpoint, 'inbound:stop', { overrides: { id: sid } });
    assertReply(t, await post(harness, endpoint, '/status', body), 'twiml', 'accepted', 'first');
    for (const path of paths)
      assertReply(t, await post(harness, endpoint, path, body), 'twiml', 'duplicate', `again by ${path}`);
    await waitUntil(async () => (await messageOf(sid)).length === 1, { what: 'it is applied' });
    t.match(await messageOf(sid), [{ direction: 'inbound', status: 'received', body: 'STOP' }]);
    t.match(
      await harness.sql('SELECT opted_out FROM sms_conversations WHERE firm_id = $1', [endpoint.firmId]),
      [{ opted_out: true }],
    );
  });

  await t.test('a quarantined event gets the same answer by both paths', async (t) => {
    const endpoint = await harness.addEndpoint('twilio', null);
    const { body: message } = harness.buildBody(endpoint, 'inbound', { overrides: { id: newSid() } });
    const { body: callback } = harness.buildBody(endpoint, 'status:sent', { overrides: { id: newSid() } });
    await waitUntil(async () => (await post(harness, endpoint, '/status', message)).status === 200, {
      what: 'the endpoint is known',
    });
    for (const path of paths) {
      assertReply(t, await post(harness, endpoint, path, message), 'twiml', 'quarantined', path);
      assertReply(t, await post(harness, endpoint, path, callback), 'json', 'quarantined', path);
    }
  });

  await t.test('a query signed in another spelling is named only in the log', async (t) => {
    const endpoint = await enter();
    const { body } = harness.buildBody(endpoint, 'status:sent');
    const hints = () =>
      harness.logs.filter(({ msg, endpoint: key }) => msg === 'webhook.rejected' && key === endpoint.key);
    const wrong = { query: '?b=1&a=x%40y', signedQuery: '?a=x@y&b=1' };
    const refused = await post(harness, endpoint, '/status', body, wrong);
    t.match(refused, { status: 401, code: 'signature_invalid' });
    t.notMatch(refused.text, /query/i);
    t.match(hints().at(-1), { code: 'signature_invalid', hint: /^The URL has a query/ });
    t.notMatch(JSON.stringify(hints()), new RegExp(`${endpoint.secret}|x%40y|MessageStatus`));

    const plain = await post(harness, endpoint, '/status', body, { signedQuery: '?a=1' });
    t.equal(refused.text, plain.text, 'the sender is told the same without a query');
    t.notOk('hint' in (hints().at(-1) ?? {}), 'and no hint is logged');
    const right = await post(harness, endpoint, '/status', body, { query: '?a=1&b=2' });
    t.equal(right.outcome, 'accepted', 'a plain, sorted query is no harm');
  });

  await t.test('a spilled event gets the same answer by both paths', async (t) => {
    const endpoint = await enter();
    await harness.redisServer.kill();
    const sendBoth = async (path: Path) => {
      const { body: message } = harness.buildBody(endpoint, 'inbound');
      const { body: callback } = harness.buildBody(endpoint, 'status:sent');
      const sent = [post(harness, endpoint, path, message), post(harness, endpoint, path, callback)];
      const [toMessage, toCallback] = (await Promise.all(sent)) as [Sent, Sent];
      assertReply(t, toMessage, 'twiml', 'spilled', path);
      assertReply(t, toCallback, 'json', 'spilled', path);
    };
    await Promise.all(paths.map(sendBoth));
    await harness.redisServer.restart();
    const isEmpty = async () => (await harness.sql('SELECT FROM webhook_spill')).length === 0;
    await waitUntil(isEmpty, { what: 'the spill is empty' });
  });
});
