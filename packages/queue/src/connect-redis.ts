import { openProducerRedis } from './redis.js';
import type { Redis } from './topology.js';

const readyTimeoutMs = 5_000;
const commandTimeoutMs = 10_000;

/** A connection that is ready, for someone who waits for it. Throws why not where it is not in time; the caller disconnects it. */
export async function connectRedis(url: string): Promise<Redis> {
  const redis = openProducerRedis(url, commandTimeoutMs);
  try {
    await untilReady(redis);
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

/** The first failure to connect decides: an operator is there to try again. */
function untilReady(redis: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer in time')), readyTimeoutMs);
    redis.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
    redis.once('error', (error: Error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
