/** The key prefix of a queue. Its hash tag puts a provider's queue and claims in one slot of a cluster. */
export const prefixOf = (queueName: string): string => `{semel:${queueName}}`;

export const claimKey = (provider: string, eventId: string): string =>
  `${prefixOf(provider)}:claim:${eventId}`;

/** A key of BullMQ: of a job, or of one of the queue's sets. A test compares it with BullMQ itself. */
export const queueKey = (queueName: string, part: string): string =>
  `${prefixOf(queueName)}:${queueName}:${part}`;

/** The queue of quarantined deliveries, used while Postgres is unreachable. */
export const quarantineQueueName = 'quarantine';

/** The queue of effects. Its jobs contain only the ids of `webhook_outbox` rows. */
export const outboxQueueName = 'outbox';
