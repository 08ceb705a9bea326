import { withDeadline } from '@semel/core';
import { openProducerRedis } from './redis.js';
import type { Redis } from './topology.js';

const readyTimeoutMs = 5_000;
const commandTimeoutMs = 10_000;

/** A connection that is ready to use; the caller disconnects it. Throws the first error, or after 5 s: an operator can try again. */
export async function connectRedis(url: string): Promise<Redis> {
  const redis = openProducerRedis(url, commandTimeoutMs);
  try {
    await withDeadline(readyTimeoutMs, untilReady(redis), () => new Error('no answer in time'));
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

const untilReady = (redis: Redis): Promise<void> =>
  new Promise((resolve, reject) => {
    redis.once('ready', resolve);
    redis.once('error', reject);
  });
