import { applyOutcomes, type Body, errorCatalogue } from '@semel/core';

/** The parts of a job that `shownJob` filters. Fields that no list names stay hidden, even those that a later BullMQ adds. */
export interface RawJob {
  data?: unknown;
  opts?: unknown;
  failedReason?: unknown;
  returnvalue?: unknown;
}

const shownOptions = [
  'jobId',
  'attempts',
  'delay',
  'priority',
  'backoff',
  'removeOnComplete',
  'removeOnFail',
];
const shownFields = [
  'id',
  'name',
  'timestamp',
  'processedOn',
  'finishedOn',
  'attemptsMade',
  'attemptsStarted',
  'stalledCounter',
  'delay',
  'priority',
  'queueQualifiedName',
] as const;

/** Failure reasons of BullMQ's own, which never quote the job. */
const bullmqReasons = ['job stalled more than allowable limit', 'job started more than allowable limit'];

/** What the board shows of a job: identity and progress, never the body, the account, a phone number or an error's text. */
export function shownJob(job: RawJob): Record<string, unknown> {
  return {
    ...pick(job, shownFields),
    data: shownData(job.data),
    opts: pick(job.opts, shownOptions),
    progress: 0,
    failedReason: shownReason(job.failedReason),
    stacktrace: [],
    returnvalue: applyOutcomes.includes(job.returnvalue as never) ? job.returnvalue : null,
  };
}

/** `data` is an event, or an event with the reason for its quarantine. */
function shownData(data: unknown): Record<string, unknown> {
  if (typeof data !== 'object' || data === null) return {};
  const { event, reason } = data as { event?: object; reason?: unknown };
  if (event !== undefined) return { ...shownData(event), reason: shownReason(reason) };
  const { receivedAtMs, body } = data as { receivedAtMs?: unknown; body?: Body };
  return {
    ...pick(data, ['provider', 'eventId', 'type', 'firmId', 'endpointId', 'sha256']),
    receivedAt: Number.isFinite(receivedAtMs) ? new Date(receivedAtMs as number).toISOString() : null,
    bytes: body === undefined ? null : bytesOf(body),
  };
}

/** null: the body is in Postgres. */
function bytesOf(body: Body): number | null {
  if ('utf8' in body) return Buffer.byteLength(body.utf8);
  if ('base64' in body) return Buffer.byteLength(body.base64, 'base64');
  return null;
}

/** Hides an unknown error's text, which may quote the event, as PostgreSQL's does. The worker's log has it, redacted. */
function shownReason(reason: unknown): string | undefined {
  if (typeof reason !== 'string' || reason === '') return undefined;
  const known = Object.hasOwn(errorCatalogue, reason) || bullmqReasons.includes(reason);
  return known ? reason : 'unexpected error: see the log of the worker';
}

function pick(source: unknown, names: readonly string[]): Record<string, unknown> {
  const from = (source ?? {}) as Record<string, unknown>;
  return Object.fromEntries(names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]])));
}
