import type { Redis } from '@semel/queue';
import { openRedis } from './open-redis.js';

/** Runs `work` with a connection to Redis, and closes it afterwards. Reports every error of `work` as a failure of Redis. */
export async function withRedis<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
  const { redis, explain } = await openRedis();
  try {
    return await work(redis);
  } catch (error) {
    throw explain(error);
  } finally {
    redis.disconnect();
  }
}
