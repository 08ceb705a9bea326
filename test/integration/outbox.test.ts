import { setTimeout as sleep } from 'node:timers/promises';
import { type DefinedDelivery, type Delivery, defineDelivery, defineHandler } from '@semel/handlers';
import { isPublicAddress } from '@semel/worker';
import { Webhook } from 'standardwebhooks';
import t from 'tap';
import { retryAfterMs } from '../../apps/worker/src/outbox/retry-after.js';
import { retryDelayMs } from '../../apps/worker/src/outbox/retry-delay.js';
import { type Harness, type HarnessOptions, startHarness, type TestEndpoint } from '../support/harness.js';
import { startHookServer } from '../support/hook-server.js';
import { waitUntil } from '../support/servers.js';
import { openTestAdmin } from '../support/test-admin.js';

// An outbox entry is delivered at least once if its transaction committed, and never otherwise.

type Tap = Parameters<typeof startHarness>[0];

/** Sends each paid invoice once, to the destination in its number. */
const onward = defineHandler('stripe', 'invoice.paid', async ({ event, outbox, facts }) => {
  const invoice = event.data.object;
  const fresh = await outbox({
    key: `invoice-paid:${invoice.id}`,
    to: invoice.number ?? 'erp',
    payload: { type: 'invoice.paid', data: { id: invoice.id, amount: invoice.amount_paid } },
  });
  if (invoice.description === 'fails')
    throw new Error(`failed, although fresh is ${fresh} for ${facts.eventId}`);
});

async function startOutboxHarness(t: Tap, options: HarnessOptions = {}, deliveries: DefinedDelivery[] = []) {
  const harness = await startHarness(t, {
    attempts: 1,
    ...options,
    handlers: { handlers: [onward], deliveries },
    outbox: { allowPrivate: true, attempts: 3, retryScale: 0.01, ...options.outbox },
  });
  const firm = await harness.addFirm();
  return { harness, firm, endpoint: await harness.addEndpoint('stripe', firm) };
}

interface Row {
  id: string;
  status: string;
  attempts: number;
  last_error: string | null;
  effect_key: string;
  delivered_at: Date | null;
}

const rowsOf = (harness: Harness, invoice: string) =>
  harness.sql<Row>('SELECT * FROM webhook_outbox WHERE effect_key = $1', [`invoice-paid:${invoice}`]);

/** Waits until the effect of this invoice has that status. */
const settled = (harness: Harness, invoice: string, status: string) =>
  waitUntil(async () => (await rowsOf(harness, invoice)).find((row) => row.status === status), {
    what: `the effect of ${invoice} is ${status}`,
  });

const pay = async (
  harness: Harness,
  endpoint: TestEndpoint,
  id: string,
  extra: Record<string, unknown> = {},
) => {
  const { eventId } = await harness.send(endpoint, 'invoice.paid', {
    overrides: { id, number: 'erp', ...extra },
  });
  return eventId;
};

t.test('an outbox row for an HTTP endpoint', async (t) => {
  const { harness, firm, endpoint } = await startOutboxHarness(t);
  const hook = await startHookServer(t);
  const admin = openTestAdmin(t, harness.database);
  const [{ slug = '' } = {}] = await harness.sql<{ slug: string }>('SELECT slug FROM firms WHERE id = $1', [
    firm,
  ]);
  const { secret } = await admin.destinations.add({ firmSlug: slug, name: 'erp', url: hook.url });

  await t.test('is signed by the Standard Webhooks specification', async (t) => {
    await pay(harness, endpoint, 'in_signed');
    const row = await settled(harness, 'in_signed', 'delivered');
    t.match(row, { attempts: 1, last_error: null, delivered_at: Date });
    const [got] = hook.received.splice(0);
    t.same(new Webhook(secret).verify(got?.body ?? '', got?.headers as Record<string, string>), {
      type: 'invoice.paid',
      data: { id: 'in_signed', amount: 12_500 },
    });
    t.equal(got?.headers['webhook-id'], row.id);
    t.equal(got?.headers['content-type'], 'application/json');
    const other = new Webhook(`whsec_${Buffer.alloc(24).toString('base64')}`);
    t.throws(() => other.verify(got?.body ?? '', got?.headers as Record<string, string>));
    t.equal(await harness.metric('webhook_outbox_delivered_total{outcome="delivered"}'), 1);
    t.equal(await harness.metric('webhook_outbox_duration_seconds_count'), 1);
    t.match(
      harness.logs.find(({ msg }) => msg === 'outbox.delivered'),
      { id: row.id, destination: 'erp', attempt: 1 },
    );
  });

  await t.test('is delivered again after a failure, under the same id', async (t) => {
    hook.answers.push(500, 302);
    await pay(harness, endpoint, 'in_again');
    t.match(await settled(harness, 'in_again', 'delivered'), { attempts: 3 });
    const got = hook.received.splice(0);
    t.same(
      got.map(({ path }) => path),
      ['/hook', '/hook', '/hook'],
      'a redirect is no delivery, and not followed',
    );
    t.equal(new Set(got.map(({ headers }) => headers['webhook-id'])).size, 1);
    for (const { body, headers } of got)
      t.ok(new Webhook(secret).verify(body, headers as Record<string, string>), 'each is signed');
    t.match(
      harness.logs.filter(({ msg }) => msg === 'outbox.failed').map(({ err }) => err),
      [{ message: 'delivery_failed: answered 500' }, { message: 'delivery_failed: answered 302' }],
    );
  });

  await t.test('is dead after its attempts, counted, and delivered after a replay', async (t) => {
    hook.answers.push(500, 500, 500);
    await pay(harness, endpoint, 'in_dead');
    const dead = await settled(harness, 'in_dead', 'dead');
    t.match(dead, { attempts: 3, last_error: 'delivery_failed: answered 500' });
    t.equal(await harness.metric('webhook_outbox_delivered_total{outcome="dead"}'), 1);
    t.ok(harness.logs.some(({ msg, id }) => msg === 'outbox.dead' && id === dead.id));
    await waitUntil(
      async () => (await harness.redis.zscore('{semel:outbox}:outbox:failed', dead.id)) !== null,
      {
        what: 'the job is kept as a dead letter',
      },
    );
    hook.received.splice(0);
    t.match(await admin.outbox.replay(dead.id), { status: 'pending', attempts: 0 });
    t.match(await settled(harness, 'in_dead', 'delivered'), { attempts: 1, last_error: null });
    t.equal(hook.received.splice(0)[0]?.headers['webhook-id'], dead.id);
  });

  await t.test('is delivered later when the destination asks for that', async (t) => {
    hook.answers.push({ status: 429, headers: { 'retry-after': '2' } });
    await pay(harness, endpoint, 'in_later');
    t.match(await settled(harness, 'in_later', 'delivered'), { attempts: 2 });
    const failed = harness.logs.find(
      ({ msg, effectKey }) => msg === 'outbox.failed' && effectKey === 'invoice-paid:in_later',
    );
    t.match(failed, { retryInMs: 2_000, err: { message: 'delivery_failed: answered 429' } });
    const [first, second] = hook.received
      .splice(0)
      .map(({ headers }) => Number(headers['webhook-timestamp']));
    t.ok(Number(second) - Number(first) >= 1, 'by its own clock, in whole seconds');
  });

  await t.test('is never delivered again after 410 Gone', async (t) => {
    hook.answers.push({ status: 410, headers: { 'retry-after': '1' } });
    await pay(harness, endpoint, 'in_gone');
    const last_error = 'delivery_failed: answered 410: it is gone, and takes no more deliveries';
    t.match(await settled(harness, 'in_gone', 'dead'), { attempts: 1, last_error });
    t.equal(hook.received.splice(0).length, 1);
  });

  await t.test('is delivered only if its transaction committed', async (t) => {
    const eventId = await pay(harness, endpoint, 'in_rolledback', { description: 'fails' });
    await harness.applied(endpoint.provider, eventId, 'dead');
    await sleep(300);
    t.same(await rowsOf(harness, 'in_rolledback'), []);
    t.same(hook.received, []);
  });

  await t.test('is delivered once for two events about one change', async (t) => {
    const first = await pay(harness, endpoint, 'in_twice');
    await settled(harness, 'in_twice', 'delivered');
    const second = await pay(harness, endpoint, 'in_twice', {
      $event: { created: Math.floor(Date.now() / 1000) + 9 },
    });
    await harness.applied(endpoint.provider, second);
    t.not(first, second);
    await sleep(300);
    t.equal((await rowsOf(harness, 'in_twice')).length, 1);
    t.equal(hook.received.splice(0).length, 1);
  });

  await t.test("is never delivered to another firm's destination", async (t) => {
    const other = await harness.addFirm();
    const theirs = await harness.addEndpoint('stripe', other);
    await pay(harness, theirs, 'in_otherfirm');
    t.match(await settled(harness, 'in_otherfirm', 'dead'), { last_error: /^destination_unknown/ });
    t.same(hook.received, []);
    await pay(harness, theirs, 'in_twice');
    await waitUntil(async () => (await rowsOf(harness, 'in_twice')).length === 2, {
      what: 'its effects are its own',
    });
  });

  await t.test('is never delivered to a disabled destination', async (t) => {
    await harness.sql('UPDATE webhook_destinations SET disabled_at = now() WHERE firm_id = $1', [firm]);
    await pay(harness, endpoint, 'in_disabled');
    t.match(await settled(harness, 'in_disabled', 'dead'), { last_error: /^destination_unknown/ });
    await harness.sql('UPDATE webhook_destinations SET disabled_at = NULL');
    t.same(hook.received, []);
  });

  await t.test('operators can list and read it', async (t) => {
    const listed = await admin.outbox.list({
      firmSlug: slug,
      destination: 'erp',
      status: 'delivered',
      limit: 2,
    });
    t.equal(listed.length, 2);
    t.notOk(listed.some((row) => 'payload' in row));
    t.match(await admin.outbox.show(String(listed[0]?.id)), {
      payload: { type: 'invoice.paid' },
      status: 'delivered',
    });
    await t.rejects(admin.outbox.replay('x'), { code: 'effect_unknown' });
    const add = (change: object) =>
      admin.destinations.add({ firmSlug: slug, name: 'b', url: hook.url, ...change });
    await t.rejects(add({ name: 'erp' }), { code: 'name_taken' });
    for (const change of [
      { name: '' },
      { url: 'ftp://x' },
      { url: 'https://u:p@x' },
      { secret: 'whsec_YQ==' },
    ])
      await t.rejects(add(change), { code: 'input_invalid' });
    const seen = await admin.destinations.list({ firmSlug: slug });
    t.match(seen, [{ name: 'erp', url: hook.url, disabledAt: null }]);
    t.notOk(JSON.stringify(seen).includes('whsec'));
    await admin.destinations.remove({ firmSlug: slug, name: 'erp' });
    await t.rejects(admin.destinations.remove({ firmSlug: slug, name: 'erp' }), {
      code: 'destination_unknown',
    });
  });

  await t.test('no log contains its payload', async (t) => {
    const all = JSON.stringify(harness.logs);
    t.notOk(all.includes(secret.slice(6)));
    t.notOk(all.includes(hook.url));
  });
});

t.test('a destination that does not answer', async (t) => {
  const { harness, firm, endpoint } = await startOutboxHarness(t, { outbox: { timeoutMs: 200 } });
  const hook = await startHookServer(t);
  await harness.addDestination(firm, 'erp', hook.url);
  await harness.addDestination(firm, 'closed', 'http://127.0.0.1:9/');
  hook.answers.push(0);
  await pay(harness, endpoint, 'in_late');
  t.match(await settled(harness, 'in_late', 'delivered'), { attempts: 2 });
  t.match(
    harness.logs.find(({ msg }) => msg === 'outbox.failed'),
    { err: { message: /^delivery_timeout/ } },
  );
  await pay(harness, endpoint, 'in_closed', { number: 'closed' });
  t.match(await settled(harness, 'in_closed', 'dead'), { last_error: /ECONNREFUSED/ });
});

t.test('an outbox row for a delivery function', async (t) => {
  const got: Delivery[] = [];
  const failing = new Map<string, number>();
  const crm = defineDelivery<{ data: { id: string } }>('crm', async (delivery) => {
    got.push(delivery as Delivery);
    const { id } = delivery.payload.data;
    const left = failing.get(id) ?? 0;
    failing.set(id, left - 1);
    if (left > 0) throw new Error('the CRM is closed');
  });
  const { harness, firm, endpoint } = await startOutboxHarness(t, { outbox: { timeoutMs: 500 } }, [
    crm,
    defineDelivery('slow', () => sleep(60_000)),
  ]);
  failing.set('in_code', 1);
  await pay(harness, endpoint, 'in_code', { number: 'crm' });
  const row = await settled(harness, 'in_code', 'delivered');
  t.same(
    got.map(({ signal: _, ...delivery }) => delivery),
    [1, 2].map((attempt) => ({
      id: row.id,
      payload: { type: 'invoice.paid', data: { id: 'in_code', amount: 12_500 } },
      key: 'invoice-paid:in_code',
      firm: { id: firm },
      attempt,
    })),
  );
  await pay(harness, endpoint, 'in_slow', { number: 'slow' });
  t.match(await settled(harness, 'in_slow', 'dead'), { last_error: /^delivery_timeout/ });
});

t.test('outbox rows survive the loss of the queue', async (t) => {
  await t.test('after a flush of Redis', async (t) => {
    const { harness, firm, endpoint } = await startOutboxHarness(t, {
      outbox: { againAfterMs: 500, retryScale: 0.2 },
    });
    const hook = await startHookServer(t);
    await harness.addDestination(firm, 'erp', hook.url);
    hook.answers.push(503);
    await pay(harness, endpoint, 'in_flushed');
    await waitUntil(() => hook.received.length === 1, { what: 'the first attempt failed' });
    await waitUntil(async () => (await rowsOf(harness, 'in_flushed'))[0]?.last_error, {
      what: 'that is written down',
    });
    await harness.redis.flushall();
    t.match(await settled(harness, 'in_flushed', 'delivered'), { attempts: 2 });
  });

  await t.test('a worker dies between the claim of a row and its delivery', async (t) => {
    // The row can be dead a moment before its job is: then the first attempt to enqueue it finds the old job.
    const { harness, firm, endpoint } = await startOutboxHarness(t, { outbox: { againAfterMs: 500 } });
    const hook = await startHookServer(t);
    await pay(harness, endpoint, 'in_leased', { number: 'later' });
    const dead = await settled(harness, 'in_leased', 'dead');
    await harness.addDestination(firm, 'later', hook.url);
    // Such a worker leaves a counted attempt and an expired lease.
    await harness.sql(
      `UPDATE webhook_outbox SET status = 'pending', attempts = 1, next_attempt_at = now() - interval '1 second',
         enqueued_at = now() - interval '5 seconds' WHERE id = $1`,
      [dead.id],
    );
    t.match(await settled(harness, 'in_leased', 'delivered'), { attempts: 2 });
  });

  await t.test('several workers deliver each row once, as long as none dies', async (t) => {
    const { harness, firm, endpoint } = await startOutboxHarness(t, { workers: 3 });
    const hook = await startHookServer(t);
    await harness.addDestination(firm, 'erp', hook.url);
    const ids = Array.from({ length: 40 }, (_, i) => `in_many${i}`);
    await Promise.all(ids.map((id) => pay(harness, endpoint, id)));
    for (const id of ids) await settled(harness, id, 'delivered');
    await sleep(300);
    t.equal(hook.received.length, ids.length);
    t.equal(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size, ids.length);
  });
});

t.test('private addresses', async (t) => {
  await t.test('are refused in every notation', async (t) => {
    const { harness, firm, endpoint } = await startOutboxHarness(t, {
      outbox: { allowPrivate: false, attempts: 1 },
    });
    const hook = await startHookServer(t);
    const port = new URL(hook.url).port;
    const hosts = [
      '127.0.0.1',
      'localhost',
      '2130706433',
      '0x7f.1',
      '127.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '0.0.0.0',
    ];
    for (const [i, host] of hosts.entries()) {
      await harness.addDestination(firm, `private-${i}`, `http://${host}:${port}/hook`);
      await pay(harness, endpoint, `in_private${i}`, { number: `private-${i}` });
    }
    for (const [i, host] of hosts.entries())
      t.match(await settled(harness, `in_private${i}`, 'dead'), { last_error: /^destination_refused/ }, host);
    t.same(hook.received, []);
  });

  await t.test('are distinguished from public ones', (t) => {
    const inside =
      `0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1 198.18.0.1
      192.0.0.1 192.0.2.1 203.0.113.9 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::ffff:8.8.8.8 ::ffff:10.0.0.1 64:ff9b::808:808
      fc00::1 fd12::1 fe80::1 ff02::1 2001:db8::1 2002:7f00:1:: 100::1 localhost 8.8.8`.split(/\s+/);
    for (const address of inside) t.notOk(isPublicAddress(address), address);
    for (const address of [
      '8.8.8.8',
      '1.1.1.1',
      '172.32.0.1',
      '100.128.0.1',
      '2606:4700:4700::1111',
      '2a00:1450::1',
    ])
      t.ok(isPublicAddress(address), address);
    t.end();
  });
});

t.test('the delays between attempts grow up to six hours, with 20 % jitter', (t) => {
  const middle = (attempt: number, askedMs = 0) => retryDelayMs(attempt, 1, askedMs, () => 0.5);
  t.same([1, 2, 3, 4].map(middle), [5_000, 15_000, 45_000, 135_000]);
  t.equal(middle(50), 6 * 3_600_000);
  t.equal(
    retryDelayMs(1, 1, 0, () => 0),
    4_000,
  );
  t.equal(
    retryDelayMs(1, 0.1, 0, () => 1),
    600,
  );
  t.equal(middle(1, 4_000), 5_000, 'it is never sooner than the schedule');
  t.equal(middle(1, 60_000), 60_000);
  t.equal(middle(1, 1e12), 6 * 3_600_000, 'nor later than six hours');

  const nowMs = Date.UTC(2026, 8, 1, 12, 30);
  for (const [header, dueMs] of [
    ['120', 120_000],
    [' 0 ', 0],
    [new Date(nowMs + 90_000).toUTCString(), 90_000],
    [new Date(nowMs - 90_000).toUTCString(), 0],
    ['soon', 0],
    ['', 0],
    [undefined, 0],
  ] as const)
    t.equal(retryAfterMs(header, nowMs), dueMs, `Retry-After: ${header}`);
  t.end();
});
