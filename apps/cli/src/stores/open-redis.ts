import type { Redis } from '@semel/queue';
import { CliError } from '../cli-error.js';
import { loadNeeded } from './settings.js';
import { storeFailure } from './store-failure.js';

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
  const { connectRedis } = await import('@semel/queue');
  const redis = await connectRedis(url).catch((error: unknown) => {
    throw explain(error);
  });
  return { redis, explain };
}
