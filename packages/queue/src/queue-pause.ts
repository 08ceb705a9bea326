import { openQueue } from './event-queue.js';
import type { Redis } from './topology.js';

/** Pauses a queue for all workers. Running jobs end; new jobs wait. */
export const pauseQueue = (redis: Redis, queueName: string): Promise<void> =>
  onQueue(redis, queueName, (queue) => queue.pause());

/** Resumes a queue for all workers. Harmless if it is not paused. */
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
