import type { Redis } from '@semel/queue';
import { CliError } from '../cli-error.js';
import { loadNeeded } from './settings.js';
import { storeFailure } from './store-failure.js';

const readyTimeoutMs = 5_000;
const commandTimeoutMs = 10_000;

export interface OpenRedis {
  redis: Redis;
  /** What a call that failed says to an operator. */
  explain(error: unknown): CliError;
}

/** A connection that answers. Throws one clear line where there is none in time; the caller disconnects it. */
export async function openRedis(): Promise<OpenRedis> {
  const { redisUrl: url } = await loadNeeded(['redisUrl']);
  const explain = (error: unknown) =>
    error instanceof CliError ? error : storeFailure({ title: 'Redis', variable: 'REDIS_URL', url }, error);
  const redis = await connectRedis(url).catch((error: unknown) => {
    throw explain(error);
  });
  return { redis, explain };
}

/** A connection that is ready. Throws why not where it is not in time; the caller disconnects it. */
export async function connectRedis(url: string): Promise<Redis> {
  const { openProducerRedis } = await import('@semel/queue');
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
