import type { Redis } from '@semel/queue';
import { CliError } from '../cli-error.js';
import { loadNeeded } from './settings.js';
import { storeFailure } from './store-failure.js';

export interface OpenRedis {
  redis: Redis;
  /** Converts the error of a failed call. */
  explain(error: unknown): CliError;
}

/** Opens a connection that has been checked. The caller disconnects it. Throws `store_unavailable`. */
export async function openRedis(): Promise<OpenRedis> {
  const { redisUrl: url } = await loadNeeded(['redisUrl']);
  const explain = (error: unknown) =>
    error instanceof CliError ? error : storeFailure({ title: 'Redis', variable: 'REDIS_URL', url }, error);
  const { connectRedis } = await import('@semel/queue');
  const redis = await connectRedis(url).catch((error: unknown) => {
    throw explain(error);
  });
  return { redis, explain };
}
