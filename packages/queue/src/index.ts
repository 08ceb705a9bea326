export type { Queue } from 'bullmq';
export type { Redis } from 'ioredis';
export { claimsDone, claimsOf, freeClaims, resetClaims } from './claims.js';
export { type Consumer, type ConsumerOptions, openConsumer } from './consumer.js';
export { jobOptions, openProviderQueue, openQueue, type ProviderQueue } from './event-queue.js';
export { claimKey, prefixOf, quarantineQueueName, queueKey } from './names.js';
export { openQuarantineConsumer } from './quarantine-consumer.js';
export { type QueueStats, readQueueStats } from './queue-stats.js';
export { checkRedis, checkRedisWhenReady, openConsumerRedis, openProducerRedis } from './redis.js';
