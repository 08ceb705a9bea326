/** The hash tag that keeps a provider's queue and its claims in one slot: lost together or kept together. */
export const prefixOf = (queueName: string): string => `{semel:${queueName}}`;

export const claimKey = (provider: string, eventId: string): string =>
  `${prefixOf(provider)}:claim:${eventId}`;

/** A key of BullMQ's own: of a job, or of one of the queue's sets. Pinned and tested against BullMQ itself. */
export const queueKey = (queueName: string, part: string): string =>
  `${prefixOf(queueName)}:${queueName}:${part}`;

/** Where quarantined deliveries wait while Postgres is away. */
export const quarantineQueueName = 'quarantine';

/** Where effects wait to be delivered. Its jobs name rows of `webhook_outbox`, and carry nothing of them. */
export const outboxQueueName = 'outbox';
