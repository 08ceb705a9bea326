import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { waitUntil } from '../support/servers.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import {
  createWorld,
  mainTypeOf,
  type TestEndpoint,
  type World,
  type WorldOptions,
} from '../support/world.js';

// A peer that vanished without a word: what is sent gets no answer, and nothing says that it never will.

t.jobs = 2; // most of the time they wait

type Tap = Parameters<typeof createWorld>[0];

/** A world whose apps reach Redis by a way of their own; it is there for longer than they are. */
async function worldBehind(t: Tap, options: WorldOptions) {
  let way: TcpProxy | undefined;
  const world = await createWorld(t, {
    ...options,
    redisUrl: async (own) => {
      const proxy = await startTcpProxy({ port: Number(new URL(own).port) });
      t.teardown(() => proxy.stop());
      way = proxy;
      return proxy.through(own);
    },
  });
  return {
    world,
    proxy: way as TcpProxy,
    endpoint: await world.addEndpoint('stripe', await world.addFirm()),
  };
}

/** For so long nothing gets through, new connections neither; then new ones do, and those that were there stay as they are. */
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
async function timed(world: World, endpoint: TestEndpoint) {
  const startedMs = performance.now();
  const { status, outcome, eventId } = await world.send(endpoint, type);
  return { status, outcome, eventId, tookMs: performance.now() - startedMs };
}

t.test(
  'a receiver whose Redis connection is half-open answers in time, and replaces it by itself',
  async (t) => {
    const { world, proxy, endpoint } = await worldBehind(t, { budgetMs, workers: 0 });
    await waitUntil(async () => (await timed(world, endpoint)).outcome === 'accepted', {
      what: 'the way is open',
    });

    for (const goneMs of [0, 3_000]) {
      const answers: number[] = [];
      const load = async () => {
        for (const untilMs = performance.now() + goneMs + 500; performance.now() < untilMs; await sleep(50))
          answers.push((await timed(world, endpoint)).tookMs);
      };
      await Promise.all([vanish(proxy, goneMs), load()]);
      const slowestMs = Math.max(...answers);
      t.ok(slowestMs < budgetMs + 1_500, `the slowest of ${answers.length} answers took ${slowestMs} ms`);
      const healedMs = performance.now();
      await waitUntil(async () => (await timed(world, endpoint)).outcome === 'accepted', {
        what: 'it takes events into Redis again',
        timeoutMs: 10_000,
      });
      t.comment(
        `gone for ${goneMs} ms: accepted again after ${Math.round(performance.now() - healedMs)} ms more`,
      );
    }
  },
);

t.test('a worker whose Redis connections are half-open goes on by itself', async (t) => {
  const { world, proxy, endpoint } = await worldBehind(t, { receivers: 0 });
  await world.startReceiver({ redisUrl: world.redisServer.url });
  const send = async () => (await world.send(endpoint, type)).eventId;
  await world.applied(endpoint.provider, await send());

  for (const [name, goneMs] of Object.entries({ 'while it waits': 0, 'and new ones as well': 8_000 })) {
    const events: string[] = [];
    await vanish(proxy, goneMs, async () => void events.push(await send()));
    const healedMs = performance.now();
    events.push(await send());
    for (const eventId of events) await world.applied(endpoint.provider, eventId);
    t.comment(`${name}: applied ${Math.round(performance.now() - healedMs)} ms after the way was whole`);
    t.same(
      await world.sql('SELECT event_id FROM webhook_attempts GROUP BY 1 HAVING count(*) <> 1'),
      [],
      'one effect each',
    );
  }
});
