import type { Change, ChangeSet } from './change.js';
import type { QuarantineReason } from './errors.js';
import type { ApplyOutcome, ProviderName, WebhookEvent } from './event.js';
import type { ReadingProvider } from './provider.js';

// The ports of the two main paths. Every method that talks to a store may throw `StoreUnavailableError`; any other error is
// a bug, or caused by the event itself.

/** A registered webhook endpoint, its secrets decrypted. */
export interface Endpoint {
  id: string;
  key: string;
  provider: ProviderName;
  /** null: a platform endpoint, whose events are routed by account. */
  firmId: string | null;
  secrets: readonly string[];
  /** The only accounts that it accepts; empty: any that is not mapped to another firm. */
  accounts: readonly string[];
  /** null: both modes. */
  mode: 'live' | 'test' | null;
  /** Overrides PUBLIC_BASE_URL. */
  publicUrl: string | null;
}

export interface Endpoints {
  /** Finds an endpoint in memory; null: there is none. Throws if it is missing and memory may be out of date. */
  find(provider: ProviderName, key: string): Endpoint | null;
  /** Reads the endpoints again. Calls within a short while share one read, which starts after them. */
  reload(): Promise<void>;
  /** Finds the firm that an account is mapped to in memory; null: none. */
  firmOfAccount(provider: ProviderName, account: string): string | null;
}

export type JobState = 'none' | 'alive' | 'failed' | 'completed';

/** Claim and job of an event, read in one step before anything was written. */
export interface ClaimState {
  claim: 'pending' | 'queued' | 'done' | null;
  claimFirmId: string | null;
  job: JobState;
  jobFirmId: string | null;
  /** The job's event also has a row in `webhook_spill`. */
  isCopied: boolean;
  /** How many jobs of the firm the queue holds, including the one that a new claim is for; 0 if the claim is not new. */
  backlog: number;
}

export interface Claims {
  /** Reads claim and job in one atomic step. If there is neither, sets the claim to `pending` for a short lease. */
  acquire(event: WebhookEvent): Promise<ClaimState>;
  /** Sets the claim to `queued` for the provider's claim window, unless it is `done`. */
  confirm(event: WebhookEvent): Promise<void>;
}

export interface EventQueue {
  /**
   * Adds the job under `jobId = eventId`. Does nothing if there is such a job, even a finished one: `acquire` comes first.
   * `backlog`: how many jobs of the firm the queue holds; the more, the later the job is run. Default: 0.
   */
  add(event: WebhookEvent, backlog?: number): Promise<void>;
  /**
   * The only way to run an event again: replaces a failed or completed job by a new one. Changes nothing if the job is alive,
   * or if claim or job belong to another firm (`foreign`).
   */
  requeue(event: WebhookEvent): Promise<'enqueued' | 'alive' | 'foreign'>;
  /** Enqueues a quarantined delivery until the worker can write its row. */
  addQuarantined(entry: QuarantineEntry): Promise<void>;
}

/** An authentic delivery that must not be applied: its firm is unknown, or its account or id belong to another firm. */
export interface QuarantineEntry {
  event: Omit<WebhookEvent, 'firmId'> & { firmId: string | null };
  reason: QuarantineReason;
}

/** The circuit breaker in front of Redis: closed while Redis works, open while it does not. */
export interface CircuitBreaker {
  /**
   * Runs work that needs Redis. Throws `StoreUnavailableError` if Redis fails, takes longer than its budget, or is too full;
   * while the breaker is open, it throws at once and runs nothing.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface Spill {
  /**
   * Commits an event to the spill table. False: this firm has it there already. `inQueue`: the event is enqueued as well, so
   * the relay checks the row only after a while.
   */
  add(event: WebhookEvent, body: Buffer, options: { inQueue: boolean }): Promise<boolean>;
}

/**
 * What a 200 promises. `queue`: the event is in Redis, or in Postgres while Redis can't take it. `postgres`: it is in Postgres
 * as well, unless that is unreachable (`degraded`).
 */
export type AckDurability = 'queue' | 'postgres';

export interface AcceptPorts {
  endpoints: Endpoints;
  breaker: CircuitBreaker;
  claims: Claims;
  queue: EventQueue;
  spill: Spill;
  durability: AckDurability;
  /** Commits the row; a second one for the same (provider, event id, endpoint) changes nothing. */
  quarantine(entry: QuarantineEntry): Promise<void>;
  /** Commits a large body under the event's key; a second one changes nothing. */
  storeBody(event: WebhookEvent, body: Buffer): Promise<void>;
  publicBaseUrl: string;
  now(): number;
}

/** A change with all that its row needs. Made by `planEvent`. */
export interface PlannedChange extends Change {
  firmId: string;
  provider: ProviderName;
  eventId: string;
  /** When Semel first received the event, milliseconds since 1970: a part of the guard. */
  receivedAtMs: number;
}

export interface LedgerRow {
  event: WebhookEvent;
  body: Buffer;
  links: ChangeSet['links'];
  outcome: string;
  /** Why it changes nothing, if the outcome is `ignored`. */
  ignored: string | null;
  /** Why it failed, if the outcome is `failed` or `dead`. */
  error: string | null;
}

/** A ledger row that existed before, locked until the transaction ends. */
export interface ExistingRow {
  outcome: string;
  receivedAtMs: number;
}

export interface AttemptRecord {
  event: WebhookEvent;
  outcome: string;
  attempt: number;
  error: string | null;
}

/** One object that an event changed: a row of `domain_changes`. */
export interface AppliedChange {
  change: PlannedChange;
  entityId: string;
  /** Its row before and after, by column name, if requested. `before` is null if the event created it. */
  before?: Record<string, unknown> | null;
  after?: Record<string, unknown>;
}

/** An event that is about to be recorded, as the team's handlers get it. */
export interface HandledEvent {
  event: WebhookEvent;
  body: Buffer;
  outcome: 'applied' | 'stale' | 'ignored';
  ignored: string | null;
  changed: readonly AppliedChange[];
}

/** The team's own handlers, run inside the apply transaction. */
export interface EventHandlers {
  /** True if there is a handler for this event, which then runs alone in a transaction that sees only its firm. */
  wants(event: WebhookEvent): boolean;
  /** Runs the handlers. Anything they throw fails the event, except a `StoreUnavailableError`. */
  run(tx: HandlerTransaction, handled: HandledEvent): Promise<void>;
}

/** A handler's access to the apply transaction. */
export interface HandlerTransaction {
  /**
   * Gives `work` a client of the transaction. Its statements can't end the transaction or take longer than `timeoutMs`, and
   * none is sent after `work` returns. Throws if one of them failed, even if `work` caught the error.
   */
  withHandlerClient<T>(timeoutMs: number, work: (client: HandlerClient) => Promise<T>): Promise<T>;
}

export interface HandlerClient {
  statement: Statement;
  /** Adds a row to the outbox; false if the firm has this effect already. If `make` throws, the event fails. */
  addEffect(make: () => Effect): Promise<boolean>;
}

/** Runs one statement. Throws `StoreUnavailableError` for a store outage, else the database's own error. */
export type Statement = (
  text: string,
  values?: readonly unknown[],
) => Promise<{ rows: unknown[]; rowCount: number | null }>;

/** Something that must happen outside of the database: a row of `webhook_outbox`. */
export interface Effect {
  firmId: string;
  provider: ProviderName;
  eventId: string;
  /** Unique per firm, and never reused. */
  key: string;
  /** The name of a delivery or of one of the firm's destinations. */
  destination: string;
  /** A JSON text. */
  payload: string;
}

/** One apply transaction. It sees only the firms that it was opened for. */
export interface ApplyTransaction extends HandlerTransaction {
  /** Reads bodies from `webhook_bodies`, the spill, or a ledger row that failed before, by idempotency key. */
  storedBodies(events: readonly WebhookEvent[]): Promise<Map<string, Buffer>>;
  /** Inserts the rows that do not exist yet, in key order. Returns their idempotency keys. */
  insertLedger(rows: readonly LedgerRow[]): Promise<Set<string>>;
  /** Locks the firms' own rows of these events, then reads them, by idempotency key. */
  lockLedger(events: readonly WebhookEvent[]): Promise<Map<string, ExistingRow>>;
  /** Applies guarded changes in lock order. Returns those that changed an object's row; with the rows if `withRows`. */
  change(changes: readonly PlannedChange[], withRows?: boolean): Promise<AppliedChange[]>;
  /** Updates outcome and links of existing rows, and counts the attempt of those that had failed. */
  finalizeLedger(rows: readonly LedgerRow[]): Promise<void>;
  /** Inserts or updates the row as `failed` or `dead`. False: nothing changed, because the row is final or another firm's. */
  failLedger(row: LedgerRow): Promise<boolean>;
  /** Appends to `webhook_attempts` and `domain_changes`. */
  record(attempts: readonly AttemptRecord[], changes: readonly AppliedChange[]): Promise<void>;
  quarantine(entry: QuarantineEntry): Promise<void>;
  /** Deletes the stored bodies and spill rows of these events: the ledger has them now. */
  deleteStoredCopies(events: readonly WebhookEvent[]): Promise<void>;
}

export interface ApplyPorts {
  /** Runs `work` in one READ COMMITTED transaction whose row-level security names exactly these firms. */
  transaction<T>(firmIds: readonly string[], work: (tx: ApplyTransaction) => Promise<T>): Promise<T>;
  provider: ReadingProvider;
  handlers?: EventHandlers;
  /** Sets the claims of finished events to `done`. If that fails, a later duplicate is recognised by the ledger instead. */
  claimsDone(events: readonly WebhookEvent[]): Promise<void>;
  /** Deletes the claims that these events' firms have on them. If that fails, the true firm's next delivery is quarantined. */
  claimsReleased(events: readonly WebhookEvent[]): Promise<void>;
}

/** One job to apply. `lastAttempt`: if it fails now, it is `dead`. */
export interface ApplyItem {
  event: WebhookEvent;
  /** 1, 2, … of this job. Attempts that ended in a store outage are not counted. */
  attempt: number;
  lastAttempt: boolean;
}

export interface Applied {
  outcome: ApplyOutcome;
  /** The error, if the outcome is `failed` or `dead`. */
  error: unknown;
  /** Why the event changes nothing, if the outcome is `ignored`. */
  ignored?: string;
  /** The same delivery, via queue and spill: not counted as a duplicate. */
  sameDelivery?: true;
}

/** The event failed, and its failure could not be recorded although Postgres works. */
export interface Unrecorded {
  outcome: null;
  error: unknown;
}
