import { withDeadline } from '@semel/core';
import { openProducerRedis } from './redis.js';
import type { Redis } from './topology.js';

const readyTimeoutMs = 5_000;
const commandTimeoutMs = 10_000;

/** Opens a connection and waits until it is ready. Throws its first error, or after 5 s. The caller disconnects it. */
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
