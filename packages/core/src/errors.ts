/**
 * The error catalogue. Each entry says what an error means for the caller (`status`) or for the job
 * (`job`). Every code has a heading in docs/failure-modes.md; a test checks that.
 */
export const errorCatalogue = {
  malformed: { status: 400, job: null, title: 'No event key can be derived from the body' },
  signature_invalid: { status: 401, job: null, title: 'The signature does not fit the body' },
  unknown_endpoint: { status: 404, job: null, title: 'No such webhook endpoint' },
  too_large: { status: 413, job: null, title: 'The body is larger than this provider ever sends' },
  too_complex: { status: 413, job: 'retry', title: 'The body takes too much time or memory to read' },
  unsupported_encoding: { status: 415, job: null, title: 'Compressed bodies are not accepted' },
  rate_limited: { status: 429, job: null, title: 'Too many requests' },
  unavailable: { status: 503, job: null, title: 'The event could not be stored; send it again later' },
  overloaded: { status: 503, job: null, title: 'Too many large bodies at once; send it again later' },
  handler_failed: { status: null, job: 'retry', title: 'Applying the event failed' },
  handler_timeout: { status: null, job: 'retry', title: 'A handler took longer than it may' },
  statement_refused: { status: null, job: 'retry', title: 'A handler may not use this statement' },
  effect_invalid: {
    status: null,
    job: 'retry',
    title: 'A handler wrote an effect that can not be delivered',
  },
  destination_unknown: {
    status: null,
    job: 'retry',
    title: 'Neither a delivery nor a destination has this name',
  },
  destination_refused: { status: null, job: 'retry', title: 'The destination is not a public address' },
  delivery_failed: { status: null, job: 'retry', title: 'The destination did not take the delivery' },
  delivery_timeout: { status: null, job: 'retry', title: 'The destination did not answer in time' },
  body_missing: { status: null, job: 'retry', title: 'The stored body of the event is missing' },
  handler_stuck: { status: null, job: 'dead', title: 'The event ended its worker again and again' },
  job_lost: { status: null, job: 'dead', title: 'The queue gave the job up without running it' },
  owner_collision: { status: null, job: 'quarantine', title: 'The event id already belongs to another firm' },
  account_unknown: { status: null, job: 'quarantine', title: 'The account is not mapped to a firm' },
  account_foreign: { status: null, job: 'quarantine', title: 'The account is mapped to another firm' },
  account_not_listed: {
    status: null,
    job: 'quarantine',
    title: 'The account is not listed for the endpoint',
  },
  store_unavailable: { status: null, job: 'postpone', title: 'Postgres or Redis cannot be reached' },
  job_version_unknown: { status: null, job: 'postpone', title: 'A newer receiver wrote this job' },
} as const;

export type ErrorCode = keyof typeof errorCatalogue;
export type RejectionCode =
  | 'malformed'
  | 'signature_invalid'
  | 'unknown_endpoint'
  | 'too_large'
  | 'too_complex'
  | 'unsupported_encoding'
  | 'rate_limited';
export type QuarantineReason =
  | 'owner_collision'
  | 'account_unknown'
  | 'account_foreign'
  | 'account_not_listed';

/** An error with a code of the catalogue. `detail` may be shown to the caller: never put secrets or body text there. */
export class SemelError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;
  constructor(code: ErrorCode, detail: string = errorCatalogue[code].title, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.name = 'SemelError';
    this.code = code;
    this.detail = detail;
  }
}

/** The sender's error, answered 4xx: the request is not authentic, or malformed. */
export class RejectedError extends SemelError {
  declare readonly code: RejectionCode;
  /** For the operator's log; never sent to the caller. */
  readonly hint: string | null;
  constructor(code: RejectionCode, detail?: string, hint: string | null = null) {
    super(code, detail);
    this.hint = hint;
  }
}

/** A store outage: it costs a job no attempt, and a sender gets 503, never 4xx. */
export class StoreUnavailableError extends SemelError {
  readonly store: 'postgres' | 'redis';
  /** The store works but ended a statement that took too long: events of this transaction may be the reason. */
  readonly isSlowStatement: boolean;
  constructor(store: 'postgres' | 'redis', cause?: unknown, isSlowStatement = false) {
    super('store_unavailable', `${store} cannot be reached`, { cause });
    this.store = store;
    this.isSlowStatement = isSlowStatement;
  }
}
