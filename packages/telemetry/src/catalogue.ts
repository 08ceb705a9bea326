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

/**
 * What the relay did with a spill row: enqueued it, found its job in the queue (`alive`), found its event final (`finished`),
 * quarantined it, could not enqueue it (`refused_by_redis`), or applied it itself while Redis was full (`applied_directly`).
 */
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
 * What the sweeper did: requeued a failed event without a job, or an event whose job the queue had failed by itself; recorded
 * such a job as dead; requeued a quarantined event, or released its row; deleted a large body; or was refused.
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

/** The statuses that `webhook_outbox_rows` counts. Delivered rows are left out: their number only grows. */
export const outboxStatuses = ['pending', 'dead'] as const;
export type OutboxStatus = (typeof outboxStatuses)[number];

export interface Label<Value extends string = string> {
  name: string;
  /** Empty: the values are known at run time only. */
  values: readonly Value[];
}

export interface MetricEntry {
  /** `<provider>` stands for the name of each provider. */
  name: string;
  type: 'counter' | 'histogram' | 'gauge';
  help: string;
  /** In the order in which a recorder takes their values. */
  labels: readonly Label[];
  /** The apps that show it. */
  apps: readonly App[];
  /** True: a gauge whose series come and go. */
  dynamic?: true;
}

const label = <const Value extends string>(name: string, values: readonly Value[]): Label<Value> => ({
  name,
  values,
});
const provider: Label = { name: 'provider', values: [] };
/** The endpoint's key, and the slug of its firm, which is empty for the platform. */
const endpoint = [provider, label<string>('firm', []), label<string>('endpoint', [])] as const;
const everywhere = ['receiver', 'worker', 'console'] as const;

/** Every metric of Semel. The table in docs/metrics.md is generated from it, and the types of the recorders are inferred. */
export const metricCatalogue = {
  providerDuplicate: {
    name: '<provider>_webhook_duplicate',
    type: 'counter',
    help: 'Deliveries of <provider> events that had been received before. Each is counted once.',
    labels: [],
    apps: everywhere,
  },
  received: {
    name: 'webhook_received_total',
    type: 'counter',
    help: 'Deliveries answered by the receiver, by outcome.',
    labels: [provider, label('outcome', acceptOutcomes)],
    apps: everywhere,
  },
  duplicate: {
    name: 'webhook_duplicate_total',
    type: 'counter',
    help: 'Deliveries of events that had been received before, by the layer that found them. Failures never count here.',
    labels: [provider, label('layer', duplicateLayers)],
    apps: everywhere,
  },
  duplicateDiffered: {
    name: 'webhook_duplicate_differed_total',
    type: 'counter',
    help: 'Events with duplicates that had another body than the recorded event, or came to another endpoint. Each batch of such duplicates counts once.',
    labels: [provider, label('what', ['body', 'endpoint'])],
    apps: ['receiver', 'worker'],
  },
  applied: {
    name: 'webhook_applied_total',
    type: 'counter',
    help: 'Jobs finished by the worker, by outcome.',
    labels: [provider, label('outcome', applyOutcomes)],
    apps: everywhere,
  },
  recordFailed: {
    name: 'webhook_record_failed_total',
    type: 'counter',
    help: 'Events whose ledger row could not be written because of a store outage or a bug. They are retried.',
    labels: [provider],
    apps: everywhere,
  },
  oversizedEvents: {
    name: 'webhook_oversized_events_total',
    type: 'counter',
    help: 'Events recorded as `ignored` with the reason `too_many_objects`: they would change more objects than an event may.',
    labels: [provider],
    apps: ['worker'],
  },
  stuckEvents: {
    name: 'webhook_stuck_events_total',
    type: 'counter',
    help: 'Events recorded as dead with the error `handler_stuck`: they ended their worker again and again.',
    labels: [provider],
    apps: ['worker'],
  },
  ackDegraded: {
    name: 'webhook_ack_degraded_total',
    type: 'counter',
    help: 'Deliveries answered 200 without the copy in PostgreSQL that `ACK_DURABILITY_<PROVIDER>=postgres` promises: PostgreSQL was unreachable.',
    labels: [provider],
    apps: ['receiver'],
  },
  relayed: {
    name: 'webhook_relayed_total',
    type: 'counter',
    help: 'Spill rows processed by a worker, by result.',
    labels: [provider, label('result', relayResults)],
    apps: ['worker'],
  },
  swept: {
    name: 'webhook_swept_total',
    type: 'counter',
    help: 'Leftovers repaired by the sweeper, by result.',
    labels: [provider, label('result', sweptResults)],
    apps: ['worker'],
  },
  acceptSeconds: {
    name: 'webhook_accept_duration_seconds',
    type: 'histogram',
    help: 'From the request to the response, in the receiver.',
    labels: [provider],
    apps: ['receiver'],
  },
  applySeconds: {
    name: 'webhook_apply_duration_seconds',
    type: 'histogram',
    help: 'From the start of a job to its commit, in the worker.',
    labels: [provider],
    apps: ['worker'],
  },
  endToEndSeconds: {
    name: 'webhook_end_to_end_seconds',
    type: 'histogram',
    help: 'From the moment an event was received to the commit of its change.',
    labels: [provider],
    apps: ['worker'],
  },
  outboxDelivered: {
    name: 'webhook_outbox_delivered_total',
    type: 'counter',
    help: 'Attempts to deliver an effect of a handler, by outcome.',
    labels: [label('outcome', deliveryOutcomes)],
    apps: ['worker'],
  },
  outboxSeconds: {
    name: 'webhook_outbox_duration_seconds',
    type: 'histogram',
    help: 'From the start of a delivery attempt of an effect to the commit of its outcome.',
    labels: [],
    apps: ['worker'],
  },
  queueJobs: {
    name: 'webhook_queue_jobs',
    type: 'gauge',
    help: 'Jobs in the queue of each provider, by state.',
    labels: [provider, label('state', jobStates)],
    apps: ['console'],
  },
  oldestJobAgeSeconds: {
    name: 'webhook_oldest_job_age_seconds',
    type: 'gauge',
    help: 'Age of the oldest job that waits to be applied; 0 if none waits.',
    labels: [provider],
    apps: ['console'],
  },
  spillRows: {
    name: 'webhook_spill_rows',
    type: 'gauge',
    help: 'Deliveries that wait in PostgreSQL because Redis could not take them.',
    labels: [],
    apps: ['console'],
  },
  quarantineRows: {
    name: 'webhook_quarantine_rows',
    type: 'gauge',
    help: 'Quarantined deliveries that wait for a decision of an operator.',
    labels: [],
    apps: ['console'],
  },
  endpointAcknowledged: {
    name: 'webhook_endpoint_acknowledged_timestamp_seconds',
    type: 'gauge',
    help: 'When a delivery to the endpoint was last answered 2xx, in seconds since 1970.',
    labels: endpoint,
    apps: ['console'],
    dynamic: true,
  },
  endpointFailing: {
    name: 'webhook_endpoint_failing_seconds',
    type: 'gauge',
    help: 'Time from the first to the latest refusal since the last 2xx of the endpoint. 0: the last response was a 2xx.',
    labels: endpoint,
    apps: ['console'],
    dynamic: true,
  },
  outboxRows: {
    name: 'webhook_outbox_rows',
    type: 'gauge',
    help: 'Effects that are still to be delivered (`pending`), and those that failed for good (`dead`).',
    labels: [label('status', outboxStatuses)],
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
    const shown = labels.map((label) =>
      label.values.length === 0 ? `\`${label.name}\`` : `\`${label.name}\`: ${label.values.join(', ')}`,
    );
    return `| \`${name}\` | ${type} | ${shown.join('; ')} | ${apps.join(', ')} | ${help} |`;
  });
  return ['| Metric | Type | Labels | Shown by | Meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}
