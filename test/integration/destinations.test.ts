import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineHandler } from '@semel/handlers';
import t from 'tap';
import { createDestinationBreakers } from '../../apps/worker/src/outbox/destination-breakers.js';
import { startHarness } from '../support/harness.js';
import { startHookServer } from '../support/hook-server.js';
import { waitUntil } from '../support/servers.js';

// One destination that never answers delays its own effects, and no others.

const onward = defineHandler('stripe', 'invoice.paid', async ({ event, outbox }) => {
  const { id, number } = event.data.object;
  await outbox({ key: `paid:${id}`, to: number ?? 'erp', payload: { id } });
});

/** Takes connections, and never answers. */
async function startSilentServer(t: { teardown(end: () => void): void }) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/`, sockets };
}

t.test('a destination that never answers keeps no other effect waiting', async (t) => {
  const harness = await startHarness(t, {
    handlers: { handlers: [onward], deliveries: [] },
    outbox: { allowPrivate: true, retryScale: 1, timeoutMs: 3_000, concurrency: 8 },
  });
  const silent = await startSilentServer(t);
  const live = await startHookServer(t);
  const [heavy, quiet] = [await harness.addFirm(), await harness.addFirm()];
  await harness.addDestination(heavy, 'dead', silent.url);
  await harness.addDestination(heavy, 'erp', live.url);
  await harness.addDestination(quiet, 'erp', live.url);
  const endpoints = [
    await harness.addEndpoint('stripe', heavy),
    await harness.addEndpoint('stripe', quiet),
  ] as const;
  const pay = (i: number, endpoint: (typeof endpoints)[number], number: string) =>
    harness.send(endpoint, 'invoice.paid', {
      overrides: { id: `in_${number}_${endpoint.firmId}_${i}`, number },
    });

  await Promise.all(Array.from({ length: 100 }, (_, i) => pay(i, endpoints[0], 'dead')));
  await waitUntil(() => silent.sockets.size > 0, { what: 'the silent destination is tried' });
  const beganMs = performance.now();
  for (let i = 0; i < 5; i++) for (const endpoint of endpoints) await pay(i, endpoint, 'erp');
  await waitUntil(() => live.received.length === 10, {
    what: 'the effects of both firms',
    timeoutMs: 10_000,
  });
  const tookMs = performance.now() - beganMs;
  t.ok(tookMs < 5_000, `delivered after ${tookMs} ms`);
  t.ok(silent.sockets.size <= 4, 'a destination has a quarter of the places; some are just being closed');

  await sleep(9_000);
  const [row] = await harness.sql<{ attempts: number; dead: number }>(
    `SELECT sum(attempts)::int AS attempts, count(*) FILTER (WHERE status = 'dead')::int AS dead
     FROM webhook_outbox WHERE destination = 'dead'`,
  );
  t.ok((row?.attempts ?? 0) < 15, `${row?.attempts} attempts: the breaker is open, and spends none`);
  t.equal(row?.dead, 0);
});

t.test('the breaker of a destination', (t) => {
  const breakers = createDestinationBreakers(1);
  for (let i = 0; i < 4; i++) breakers.ended('a', false);
  t.equal(breakers.waitMs('a'), 0, 'four failures are none too many');
  breakers.ended('a', false);
  t.ok(breakers.waitMs('a') > 29_000);
  t.equal(breakers.waitMs('b'), 0, 'others are not concerned');
  breakers.ended('a', false);
  t.ok(breakers.waitMs('a') > 59_000, 'then twice as long');
  breakers.ended('a', true);
  t.equal(breakers.waitMs('a'), 0, 'an answer closes it');
  for (let i = 0; i < 50; i++) breakers.ended('a', false);
  t.ok(breakers.waitMs('a') <= 600_000);
  t.end();
});
