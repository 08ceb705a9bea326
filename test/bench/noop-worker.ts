// BullMQ alone: drains jobs of the same size and does nothing with them.
import { prefixOf } from '@semel/queue';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';

const total = Number(process.env.BENCH_TOTAL);
let first = 0;
let done = 0;
new Worker(
  'stripe',
  async () => {
    first ||= performance.now();
    if (++done === total) process.send?.({ perSecond: total / ((performance.now() - first) / 1000) });
  },
  {
    connection: new Redis(process.env.REDIS_URL as string, { maxRetriesPerRequest: null }),
    prefix: prefixOf('stripe'),
    concurrency: 64,
    removeOnComplete: { age: 600, count: 500 },
  },
);
process.send?.({ ready: true, address: '' });
process.on('SIGTERM', () => process.exit());
process.on('disconnect', () => process.exit());
