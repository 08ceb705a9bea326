import { createHmac } from 'node:crypto';
import type { Headers, Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import t from 'tap';

// Svix signs with Standard Webhooks, and names the headers `svix-…`. Only one set of headers counts, for the verdict
// and the event id.

const standard = providerNamed('standard') as Provider;
const seconds = 1_700_000_000;
const key = Buffer.alloc(24, 3);
const secret = `whsec_${key.toString('base64')}`;
const body = Buffer.from('{"type":"user.created"}');

/** With Node's own HMAC, so that neither the verifier nor the library behind `semel send` judges itself. */
function setOf(prefix: 'webhook' | 'svix', id: string, { at = String(seconds), bytes = body } = {}) {
  const mac = createHmac('sha256', key).update(`${id}.${at}.`).update(bytes).digest('base64');
  return {
    [`${prefix}-id`]: id,
    [`${prefix}-timestamp`]: at,
    [`${prefix}-signature`]: `v1,${mac}`,
  };
}

const svix = setOf('svix', 'msg_svix');
const webhook = setOf('webhook', 'msg_webhook');
const forged = {
  'webhook-id': 'msg_forged',
  'webhook-timestamp': String(seconds),
  'webhook-signature': 'v1,AAAA',
};
const without = (headers: Headers, ...names: string[]) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));

const verdictOf = (headers: Headers, nowMs = seconds * 1000) =>
  standard.verify({ body, headers, url: '', secrets: [secret], nowMs });
const idOf = (headers: Headers) => standard.identify(body, null, headers).eventId;

t.test('a complete header set verifies under either name', async (t) => {
  for (const [headers, id] of [
    [svix, 'msg_svix'],
    [webhook, 'msg_webhook'],
  ] as const) {
    t.ok(verdictOf(headers), id);
    t.equal(idOf(headers), id);
    for (const name of Object.keys(headers)) {
      t.notOk(verdictOf(without(headers, name)), `without ${name}`);
      t.notOk(verdictOf({ ...headers, [name]: '' }), `${name} is empty`);
      t.notOk(verdictOf({ ...headers, [name]: [headers[name] ?? ''] }), `${name} is a list`);
    }
  }
});

t.test('the timestamp of Svix is accepted within 300 seconds, past and future', async (t) => {
  for (const [offset, due] of [
    [300, true],
    [301, false],
    [-300, true],
    [-301, false],
  ] as const)
    t.equal(verdictOf(svix, (seconds + offset) * 1000), due, `${offset} s`);
});

t.test('two incomplete header sets do not make a complete one', async (t) => {
  for (const part of ['id', 'timestamp', 'signature']) {
    const same = setOf('webhook', 'msg_svix');
    const mixed = { ...without(svix, `svix-${part}`), [`webhook-${part}`]: same[`webhook-${part}`] };
    t.notOk(verdictOf(mixed), `webhook-${part} with the rest of Svix`);
    t.throws(() => idOf(mixed), { code: 'malformed' } as never, 'and it names no event');
    const other = { ...without(same, `webhook-${part}`), [`svix-${part}`]: svix[`svix-${part}`] };
    t.notOk(verdictOf(other), `svix-${part} with the rest of webhook-…`);
    t.throws(() => idOf(other), { code: 'malformed' } as never);
  }
});

t.test('an unsigned header beside a valid set never names the event', async (t) => {
  for (const names of [
    ['webhook-id'],
    ['webhook-id', 'webhook-timestamp'],
    ['webhook-id', 'webhook-signature'],
  ]) {
    const added = Object.fromEntries(Object.entries(forged).filter(([name]) => names.includes(name)));
    t.ok(verdictOf({ ...svix, ...added }), `${names} beside Svix: the set of Svix is the complete one`);
    t.equal(idOf({ ...svix, ...added }), 'msg_svix');
  }
  t.ok(verdictOf({ ...webhook, 'svix-id': 'msg_forged' }));
  t.equal(idOf({ ...webhook, 'svix-id': 'msg_forged' }), 'msg_webhook');
});

t.test('if both sets are complete, only webhook-… counts', async (t) => {
  t.ok(verdictOf({ ...svix, ...webhook }));
  t.equal(idOf({ ...svix, ...webhook }), 'msg_webhook');
  const badSvix = { ...svix, 'svix-id': 'msg_forged', 'svix-signature': 'v1,AAAA' };
  t.ok(verdictOf({ ...badSvix, ...webhook }), 'whatever the set of Svix says');
  t.equal(idOf({ ...badSvix, ...webhook }), 'msg_webhook');
  t.notOk(verdictOf({ ...svix, ...forged }), 'a valid set of Svix does not help a forged one');
  const old = setOf('webhook', 'msg_old', { at: String(seconds - 301) });
  t.notOk(verdictOf({ ...svix, ...old }), 'nor one that is too old');
});

t.test('semel send uses the header names of the specification', async (t) => {
  const options = { url: '', secret, nowMs: seconds * 1000 };
  const { headers } = standard.sign({ channel: null, headers: {}, body }, options);
  t.same(Object.keys(headers).sort(), ['webhook-id', 'webhook-signature', 'webhook-timestamp']);
});
