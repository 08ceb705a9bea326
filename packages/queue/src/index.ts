export type { Queue } from 'bullmq';
export { checkRedis, checkRedisWhenReady } from './check-redis.js';
export { claimsDone, claimsOf, releaseClaims, resetClaims } from './claims.js';
export { connectRedis } from './connect-redis.js';
export { type Consumer, type ConsumerOptions, openConsumer } from './consumer.js';
export { jobOptions, openProviderQueue, openQueue, type ProviderQueue } from './event-queue.js';
export { type FailedJob, type FailedPage, findLostJobs, readJobs } from './failed-jobs.js';
export { claimKey, outboxQueueName, prefixOf, quarantineQueueName, queueKey } from './names.js';
export { type DeliveryResult, type OutboxConsumerOptions, openOutboxConsumer } from './outbox-consumer.js';
export { type OutboxJob, type OutboxQueue, openOutboxQueue } from './outbox-queue.js';
export { openQuarantineConsumer } from './quarantine-consumer.js';
export { pauseQueue, resumeQueue } from './queue-pause.js';
export { type QueueStats, readQueueStats } from './queue-stats.js';

export { openConsumerRedis, openProducerRedis } from './redis.js';
export {
  type BreakerState,
  openRedisBreaker,
  type RedisBreaker,
  type RedisBreakerOptions,
} from './redis-breaker.js';
export type { Redis } from './topology.js';
