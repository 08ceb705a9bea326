import type { Provider } from '@semel/core';
import { claimKey, openQueue } from '@semel/queue';
import type { Harness } from './harness.js';
import { waitUntil } from './servers.js';

/** Removes an event's claim and job from Redis, as a flush or an expired claim would; the queue itself stays. */
export async function forget(harness: Harness, provider: Provider, eventId: string): Promise<void> {
  const queue = openQueue(harness.redis, provider.name);
  await waitUntil(async () => (await queue.remove(eventId)) === 1, { what: 'the job can be removed' });
  await harness.redis.del(claimKey(provider.name, eventId));
  await queue.close();
}
