import type { Provider } from '@semel/core';
import { claimKey, openConsumerRedis, openQueue } from '@semel/queue';
import { waitUntil } from './servers.js';
import type { World } from './world.js';

/** Takes claim and job of an event out of Redis, as a flush or the end of the claim window would; the queue itself stays. */
export async function forget(world: World, provider: Provider, eventId: string): Promise<void> {
  const { connection: redis, disconnect } = openConsumerRedis(world.redisServer.url);
  const queue = openQueue(redis, provider.name);
  await waitUntil(async () => (await queue.remove(eventId)) === 1, { what: 'the job can be removed' });
  await redis.del(claimKey(provider.name, eventId));
  await queue.close();
  disconnect();
}
