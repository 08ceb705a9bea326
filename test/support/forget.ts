import type { Provider } from '@semel/core';
import { claimKey, openQueue } from '@semel/queue';
import { waitUntil } from './servers.js';
import type { World } from './world.js';

/** Takes claim and job of an event out of Redis, as a flush or the end of the claim window would; the queue itself stays. */
export async function forget(world: World, provider: Provider, eventId: string): Promise<void> {
  const queue = openQueue(world.redis, provider.name);
  await waitUntil(async () => (await queue.remove(eventId)) === 1, { what: 'the job can be removed' });
  await world.redis.del(claimKey(provider.name, eventId));
  await queue.close();
}
