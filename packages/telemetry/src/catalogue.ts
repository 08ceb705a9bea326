import { acceptOutcomes, applyOutcomes } from '@semel/core';

export type App = 'receiver' | 'worker' | 'console';
export const duplicateLayers = ['claim', 'queue', 'ledger'] as const;
export type DuplicateLayer = (typeof duplicateLayers)[number];

/** The states of jobs that `webhook_queue_jobs` counts. */
export const jobStates = [
  'waiting',
  'active',
  'delayed',
  'prioritized',
  'paused',
  'failed',
  'completed',
] as const;
export type JobCountState = (typeof jobStates)[number];

/** How an attempt to deliver a row of the outbox ended. */
export const deliveryOutcomes = ['delivered', 'failed', 'dead'] as const;
export type DeliveryOutcome = (typeof deliveryOutcomes)[number];

/** What the relay does with a spill row: into the queue; there already; its event had ended; into quarantine; can't be enqueued. */
export const relayResults = [
  'enqueued',
  'alive',
  'finished',
  'quarantined',
  'refused_by_redis',
  'applied_directly',
] as const;
export type RelayResult = (typeof relayResults)[number];

/**
 * What the sweeper did: a new job for a failed event that had lost its own, or for a job that the queue had failed by itself;
 * such a job recorded as dead; an event of quarantine armed, its row released; a large body deleted; or it could not be done.
 */
export const sweptResults = [
  'failed_requeued',
  'lost_requeued',
  'lost_recorded',
  'quarantine_requeued',
  'quarantine_released',
  'body_deleted',
  'refused',
] as const;
export type SweptResult = (typeof sweptResults)[number];

/** What `webhook_outbox_rows` counts. What was delivered is history, and grows without end. */
export const outboxStatuses = ['pending', 'dead'] as const;
export type OutboxStatus = (typeof outboxStatuses)[number];

export interface MetricEntry {
  /** `<provider>` stands for the name of each provider. */
  name: string;
  type: 'counter' | 'histogram' | 'gauge';
  help: string;
  /** Label names and, for all but `provider`, the values they take. */
  labels: Readonly<Record<string, readonly string[]>>;
  apps: readonly App[];
}

const everywhere: readonly App[] = ['receiver', 'worker', 'console'];
const provider = { provider: [] };
/** The endpoint's key, and its firm's slug; none for the platform's. Their series come and go with the endpoints. */
const endpoint = { ...provider, firm: [], endpoint: [] };

/** Every metric of Semel's own; the table in docs/metrics.md is made from it. */
export const metricCatalogue = {
  providerDuplicate: {
    name: '<provider>_webhook_duplicate',
    type: 'counter',
    help: 'Deliveries of <provider> events that were in already, counted once each in the layer that found them.',
    labels: {},
    apps: everywhere,
  },
  received: {
    name: 'webhook_received_total',
    type: 'counter',
    help: 'Deliveries answered by the receiver, by outcome of accept.',
    labels: { ...provider, outcome: acceptOutcomes },
    apps: everywhere,
  },
  duplicate: {
    name: 'webhook_duplicate_total',
    type: 'counter',
    help: 'Deliveries of events that were in already, by the layer that found them. Failures never count here.',
    labels: { ...provider, layer: duplicateLayers },
    apps: everywhere,
  },
  applied: {
    name: 'webhook_applied_total',
    type: 'counter',
    help: 'Jobs finished by the worker, by outcome of apply.',
    labels: { ...provider, outcome: applyOutcomes },
    apps: everywhere,
  },
  recordFailed: {
    name: 'webhook_record_failed_total',
    type: 'counter',
    help: 'Events whose ledger row could not be written, for a reason of our own; they are tried again.',
    labels: provider,
    apps: everywhere,
  },
  ackDegraded: {
    name: 'webhook_ack_degraded_total',
    type: 'counter',
    help: 'Deliveries answered 200 without the copy in PostgreSQL that `ACK_DURABILITY_<PROVIDER>=postgres` promises: it was away.',
    labels: provider,
    apps: ['receiver'],
  },
  relayed: {
    name: 'webhook_relayed_total',
    type: 'counter',
    help: 'Spill rows that a worker dealt with, by what became of them.',
    labels: { ...provider, result: relayResults },
    apps: ['worker'],
  },
  swept: {
    name: 'webhook_swept_total',
    type: 'counter',
    help: 'What was left behind, found and healed by the sweeper, by what it did.',
    labels: { ...provider, result: sweptResults },
    apps: ['worker'],
  },
  acceptSeconds: {
    name: 'webhook_accept_duration_seconds',
    type: 'histogram',
    help: 'From the request to the answer, in the receiver.',
    labels: provider,
    apps: ['receiver'],
  },
  applySeconds: {
    name: 'webhook_apply_duration_seconds',
    type: 'histogram',
    help: 'From the start of a job to its commit, in the worker.',
    labels: provider,
    apps: ['worker'],
  },
  endToEndSeconds: {
    name: 'webhook_end_to_end_seconds',
    type: 'histogram',
    help: 'From the moment an event was received to the commit of its change.',
    labels: provider,
    apps: ['worker'],
  },
  outboxDelivered: {
    name: 'webhook_outbox_delivered_total',
    type: 'counter',
    help: 'Attempts to deliver an effect of a handler, by how they ended.',
    labels: { outcome: deliveryOutcomes },
    apps: ['worker'],
  },
  outboxSeconds: {
    name: 'webhook_outbox_duration_seconds',
    type: 'histogram',
    help: 'From the start of such an attempt to the moment its end was written down.',
    labels: {},
    apps: ['worker'],
  },
  queueJobs: {
    name: 'webhook_queue_jobs',
    type: 'gauge',
    help: 'Jobs in the queue of each provider, by state.',
    labels: { ...provider, state: jobStates },
    apps: ['console'],
  },
  oldestJobAgeSeconds: {
    name: 'webhook_oldest_job_age_seconds',
    type: 'gauge',
    help: 'Age of the oldest job that waits to be applied; 0 where none waits.',
    labels: provider,
    apps: ['console'],
  },
  spillRows: {
    name: 'webhook_spill_rows',
    type: 'gauge',
    help: 'Deliveries that wait in PostgreSQL because Redis could not take them.',
    labels: {},
    apps: ['console'],
  },
  quarantineRows: {
    name: 'webhook_quarantine_rows',
    type: 'gauge',
    help: 'Deliveries set aside for an operator to decide.',
    labels: {},
    apps: ['console'],
  },
  endpointAcknowledged: {
    name: 'webhook_endpoint_acknowledged_timestamp_seconds',
    type: 'gauge',
    help: 'When a delivery to the endpoint was last answered 2xx, in seconds since 1970.',
    labels: endpoint,
    apps: ['console'],
  },
  endpointFailing: {
    name: 'webhook_endpoint_failing_seconds',
    type: 'gauge',
    help: 'How long the endpoint has had refusals and no 2xx: from the first to the last of them. 0: the last answer was a 2xx.',
    labels: endpoint,
    apps: ['console'],
  },
  outboxRows: {
    name: 'webhook_outbox_rows',
    type: 'gauge',
    help: 'Effects that are still to be delivered, and those that were given up.',
    labels: { status: outboxStatuses },
    apps: ['console'],
  },
} as const satisfies Record<string, MetricEntry>;

/** Upper bounds in seconds. */
export const durationBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** The table in docs/metrics.md. */
export function renderMetricTable(): string {
  const entries: MetricEntry[] = Object.values(metricCatalogue);
  const rows = entries.map(({ name, type, help, labels, apps }) => {
    const shown = Object.entries(labels).map(([label, values]) =>
      values.length === 0 ? `\`${label}\`` : `\`${label}\`: ${values.join(', ')}`,
    );
    return `| \`${name}\` | ${type} | ${shown.join('; ')} | ${apps.join(', ')} | ${help} |`;
  });
  return ['| Metric | Type | Labels | Shown by | Meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}
