import { openQueue } from './event-queue.js';
import type { Redis } from './topology.js';

/** No worker takes a job of this queue any more, wherever it runs; those that run now end. What is added waits. */
export const pauseQueue = (redis: Redis, queueName: string): Promise<void> =>
  onQueue(redis, queueName, (queue) => queue.pause());

/** All workers take its jobs again. Paused or not, twice or not. */
export const resumeQueue = (redis: Redis, queueName: string): Promise<void> =>
  onQueue(redis, queueName, (queue) => queue.resume());

async function onQueue(
  redis: Redis,
  name: string,
  work: (queue: ReturnType<typeof openQueue>) => Promise<unknown>,
): Promise<void> {
  const queue = openQueue(redis, name);
  try {
    await work(queue);
  } finally {
    await queue.close();
  }
}
