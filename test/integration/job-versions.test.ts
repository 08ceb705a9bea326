import { randomUUID } from 'node:crypto';
import {
  type ApplyItem,
  type Provider,
  type QuarantineEntry,
  SemelError,
  type WebhookEvent,
} from '@semel/core';
import { providers } from '@semel/providers';
import {
  openConsumer,
  openProducerRedis,
  openProviderQueue,
  openQuarantineConsumer,
  openQueue,
  quarantineQueueName,
} from '@semel/queue';
import t, { type Test } from 'tap';
import { startRedis, waitUntil } from '../support/servers.js';

const provider = providers[0] as Provider;
const firm = randomUUID();

const eventOf = (): WebhookEvent => ({
  v: 2,
  firmId: firm,
  provider: provider.name,
  eventId: `evt_${randomUUID().replaceAll('-', '')}`,
  type: 'some.type',
  channel: null,
  endpointId: randomUUID(),
  account: 'acct_1',
  createdAtMs: 1,
  receivedAtMs: 2,
  body: { utf8: '{}' },
  sha256: '0'.repeat(64),
  ignored: null,
});

/** The event as version 1 wrote it, which called the firm `owner`. */
function toVersion1({ firmId: owner, ...event }: QuarantineEntry['event']) {
  return { ...event, v: 1, owner };
}

async function openRedis(t: Test) {
  const server = await startRedis();
  const redis = openProducerRedis(server.url, 2_000);
  t.teardown(async () => {
    redis.disconnect();
    await server.stop();
  });
  await waitUntil(() => redis.status === 'ready', { what: 'Redis is ready' });
  const open = (name: string) => {
    const queue = openQueue(redis, name);
    t.teardown(() => queue.close());
    return queue;
  };
  return { redis, redisUrl: server.url, open };
}

t.test('an event that version 1 enqueued is applied for its firm', async (t) => {
  const { redis, redisUrl, open } = await openRedis(t);
  const event = eventOf();
  await open(provider.name).add(event.type, toVersion1(event), { jobId: event.eventId, attempts: 1 });
  const { claims, close } = openProviderQueue({ redis, provider, attempts: 1 });
  t.teardown(close);
  t.match(await claims.inspect(event), { job: 'alive', jobFirmId: firm }, 'a claim sees the firm of its job');

  const items: ApplyItem[] = [];
  const consumer = openConsumer({
    redisUrl,
    redis,
    provider,
    concurrency: 1,
    retryScale: 1,
    run: async (item) => {
      items.push(item);
      return { outcome: 'applied', error: null };
    },
    alone: (work) => work(),
    onStuck: async () => ({ outcome: 'dead', error: null }),
    onLost: () => undefined,
    onOutage: () => undefined,
    onStalled: () => undefined,
    onError: () => undefined,
  });
  t.teardown(() => consumer.close(1_000));
  await waitUntil(() => items.length === 1, { what: 'the job is run' });
  t.strictSame(items[0]?.event, event);
});

t.test('a delivery that version 1 quarantined stays with its firm', async (t) => {
  const { redisUrl, open } = await openRedis(t);
  const queue = open(quarantineQueueName);
  const entries: QuarantineEntry[] = [
    { event: eventOf(), reason: 'account_foreign' },
    { event: { ...eventOf(), firmId: null }, reason: 'account_unknown' },
  ];
  for (const { event, reason } of entries)
    await queue.add(reason, { event: toVersion1(event), reason }, { jobId: event.eventId });

  const written: QuarantineEntry[] = [];
  const consumer = openQuarantineConsumer({
    redisUrl,
    providers,
    write: async (entry) => void written.push(entry),
    onError: () => undefined,
  });
  t.teardown(() => consumer.close(1_000));
  await waitUntil(() => written.length === 2, { what: 'both are written' });
  t.strictSame(written, entries);
});

t.test('a quarantined delivery of a later version waits for a worker that knows it', async (t) => {
  const { redisUrl, open } = await openRedis(t);
  const queue = open(quarantineQueueName);
  const event = eventOf();
  await queue.add(
    'account_foreign',
    { event: { ...event, v: 3 }, reason: 'account_foreign' },
    { jobId: event.eventId },
  );

  const written: QuarantineEntry[] = [];
  const errors: Error[] = [];
  const consumer = openQuarantineConsumer({
    redisUrl,
    providers,
    write: async (entry) => void written.push(entry),
    onError: (error) => void errors.push(error),
  });
  t.teardown(() => consumer.close(1_000));
  await waitUntil(async () => (await queue.getDelayedCount()) === 1, { what: 'the job is postponed' });
  t.strictSame(written, []);
  t.ok(errors.some((error) => error instanceof SemelError && error.code === 'job_version_unknown'));
});
