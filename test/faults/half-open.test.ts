import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import {
  type Harness,
  type HarnessOptions,
  mainTypeOf,
  startHarness,
  type TestEndpoint,
} from '../support/harness.js';
import { waitUntil } from '../support/servers.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

// A peer vanished silently: sent data gets no answer, and no error ever comes.

t.jobs = 2; // the tests mostly wait

type Tap = Parameters<typeof startHarness>[0];

/** A harness whose apps reach Redis through a proxy that outlives them. */
async function harnessBehind(t: Tap, options: HarnessOptions) {
  let way: TcpProxy | undefined;
  const harness = await startHarness(t, {
    ...options,
    redisUrl: async (own) => {
      const proxy = await startTcpProxy({ port: Number(new URL(own).port) });
      t.teardown(() => proxy.stop());
      way = proxy;
      return proxy.through(own);
    },
  });
  return {
    harness,
    proxy: way as TcpProxy,
    endpoint: await harness.addEndpoint('stripe', await harness.addFirm()),
  };
}

/** Blocks all connections for this long; then new ones work, and the old ones stay dead. */
async function vanish(proxy: TcpProxy, ms: number, meanwhile?: () => Promise<void>): Promise<void> {
  proxy.set('dead');
  await meanwhile?.();
  await sleep(ms);
  proxy.halfOpen();
  proxy.set('open');
}

const budgetMs = 2_000;
const type = mainTypeOf({ name: 'stripe' }).type;

/** The answer, and how long it took. */
async function timed(harness: Harness, endpoint: TestEndpoint) {
  const startedMs = performance.now();
  const { status, outcome, eventId } = await harness.send(endpoint, type);
  return { status, outcome, eventId, tookMs: performance.now() - startedMs };
}

t.test(
  'a receiver with a half-open Redis connection answers in time, and reconnects by itself',
  async (t) => {
    const { harness, proxy, endpoint } = await harnessBehind(t, { budgetMs, workers: 0 });
    await waitUntil(async () => (await timed(harness, endpoint)).outcome === 'accepted', {
      what: 'the way is open',
    });

    for (const goneMs of [0, 3_000]) {
      const answers: number[] = [];
      const load = async () => {
        for (const untilMs = performance.now() + goneMs + 500; performance.now() < untilMs; await sleep(50))
          answers.push((await timed(harness, endpoint)).tookMs);
      };
      await Promise.all([vanish(proxy, goneMs), load()]);
      const slowestMs = Math.max(...answers);
      t.ok(slowestMs < budgetMs + 1_500, `the slowest of ${answers.length} answers took ${slowestMs} ms`);
      const healedMs = performance.now();
      await waitUntil(async () => (await timed(harness, endpoint)).outcome === 'accepted', {
        what: 'it takes events into Redis again',
        timeoutMs: 10_000,
      });
      t.comment(
        `gone for ${goneMs} ms: accepted again after ${Math.round(performance.now() - healedMs)} ms more`,
      );
    }
  },
);

t.test('a worker with half-open Redis connections continues by itself', async (t) => {
  const { harness, proxy, endpoint } = await harnessBehind(t, { receivers: 0 });
  await harness.startReceiver({ redisUrl: harness.redisServer.url });
  const send = async () => (await harness.send(endpoint, type)).eventId;
  await harness.applied(endpoint.provider, await send());

  for (const [name, goneMs] of Object.entries({ 'while it waits': 0, 'and new ones as well': 8_000 })) {
    const events: string[] = [];
    await vanish(proxy, goneMs, async () => void events.push(await send()));
    const healedMs = performance.now();
    events.push(await send());
    for (const eventId of events) await harness.applied(endpoint.provider, eventId);
    t.comment(`${name}: applied ${Math.round(performance.now() - healedMs)} ms after the way was whole`);
    t.same(
      await harness.sql('SELECT event_id FROM webhook_attempts GROUP BY 1 HAVING count(*) <> 1'),
      [],
      'one effect each',
    );
  }
});
