import type { Settings } from '@semel/config';
import type { Requeue } from '@semel/database/admin';
import type { ProviderQueue, Redis } from '@semel/queue';
import { CliError } from '../cli-error.js';
import { type OpenRedis, openRedis } from './open-redis.js';

/** Runs `work` with a function that requeues an event. Connects to Redis on its first call, and disconnects afterwards. */
export async function withRequeue<T>(settings: Settings, work: (requeue: Requeue) => Promise<T>): Promise<T> {
  let opening: Promise<OpenRedis> | undefined;
  const queues = new Map<string, Promise<ProviderQueue>>();
  try {
    return await work(async (event) => {
      opening ??= openRedis();
      const { redis, explain } = await opening;
      const opened = queues.get(event.provider) ?? openQueueOf(event.provider, redis, settings);
      queues.set(event.provider, opened);
      const { queue } = await opened;
      return queue.requeue(event).catch((error: unknown) => {
        throw explain(error);
      });
    });
  } finally {
    await Promise.allSettled([...queues.values()].map(async (queue) => (await queue).close()));
    const opened = await opening?.catch(() => undefined);
    opened?.redis.disconnect();
  }
}

async function openQueueOf(name: string, redis: Redis, settings: Settings): Promise<ProviderQueue> {
  const [{ openProviderQueue }, { providerNamed }] = await Promise.all([
    import('@semel/queue'),
    import('@semel/providers'),
  ]);
  const provider = providerNamed(name);
  if (provider === null) throw new CliError('provider_unknown', `this version knows no provider "${name}"`);
  const attempts = settings.ofProvider(name).attempts ?? provider.retry.attempts;
  return openProviderQueue({ redis, provider, attempts });
}
