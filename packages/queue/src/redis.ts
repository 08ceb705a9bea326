import { StoreUnavailableError } from '@semel/core';
import { Redis } from 'ioredis';

const reconnectDelayMs = (times: number) => Math.min(50 * 2 ** Math.min(times, 5), 1_000);

/** For a process that answers requests: a command fails at once while Redis is away, and soon while it is slow. */
export const openProducerRedis = (url: string, commandTimeoutMs: number): Redis =>
  quiet(
    new Redis(url, {
      enableOfflineQueue: false,
      commandTimeout: commandTimeoutMs,
      socketTimeout: commandTimeoutMs * 3, // half-open: each command would time out, and the connection stay for ever
      connectTimeout: 2_000,
      maxRetriesPerRequest: 0,
      retryStrategy: reconnectDelayMs,
      enableAutoPipelining: true,
      keepAlive: 10_000,
    }),
  );

/** For BullMQ workers, which wait on blocking commands for as long as it takes. Never shared with a producer. */
export const openConsumerRedis = (url: string): Redis =>
  quiet(
    new Redis(url, {
      maxRetriesPerRequest: null,
      socketTimeout: 15_000, // half-open, see above; a worker blocks for ten seconds at most
      connectTimeout: 2_000,
      retryStrategy: reconnectDelayMs,
      keepAlive: 10_000,
    }),
  );

/** Without a listener every failed reconnect would be printed by ioredis; /readyz says what is away. */
function quiet(redis: Redis): Redis {
  redis.on('error', () => undefined);
  return redis;
}

/** Runs a Redis or BullMQ call of the producer; whatever fails there is a store that can't be used now. */
export async function onRedis<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new StoreUnavailableError('redis', error);
  }
}

/** What is wrong with a server's settings, one line each; empty: nothing. Throws if it is too old or away. */
export async function checkRedis(redis: Redis): Promise<string[]> {
  const version = /redis_version:(\d+)\.(\d+)/.exec(await redis.info('server'));
  if (Number(version?.[1]) < 7)
    throw new Error(`Redis ${version?.[1]}.${version?.[2]} is too old: 7.0 or newer is needed`);
  const setting = async (name: string) => ((await redis.config('GET', name)) as string[])[1] ?? '';
  try {
    const warnings: string[] = [];
    if ((await setting('maxmemory-policy')) !== 'noeviction')
      warnings.push('maxmemory-policy is not noeviction: Redis may throw accepted events away');
    if ((await setting('appendonly')) !== 'yes' || (await setting('appendfsync')) !== 'always')
      warnings.push(
        'appendonly yes with appendfsync always is not set: a power cut may lose accepted events',
      );
    return warnings;
  } catch {
    return ['CONFIG is not allowed here: check appendonly, appendfsync and maxmemory-policy yourself'];
  }
}

/** Says once, at the first connection, what `checkRedis` finds: `onWarning` for a setting, `onError` for a server that is too old. */
export function checkRedisWhenReady(
  redis: Redis,
  { onWarning, onError }: { onWarning(warning: string): void; onError(error: unknown): void },
): void {
  redis.once('ready', () => {
    checkRedis(redis).then((warnings) => warnings.forEach(onWarning), onError);
  });
}
