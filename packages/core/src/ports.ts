import type { Change, ChangeSet } from './change.js';
import type { QuarantineReason } from './errors.js';
import type { ApplyOutcome, ProviderName, WebhookEvent } from './event.js';
import type { ReadingProvider } from './provider.js';

// What the two main paths need of the world. Every method that talks to a store may throw
// `StoreUnavailableError`; whatever else it throws is a bug or the event's own fault.

/** A registered webhook endpoint, its secrets decrypted. */
export interface Endpoint {
  id: string;
  key: string;
  provider: ProviderName;
  /** null: an endpoint of the platform, whose events are routed by account. */
  firmId: string | null;
  secrets: readonly string[];
  /** The only accounts that it takes; empty: any that is not mapped to another firm. */
  accounts: readonly string[];
  /** null takes both modes. */
  mode: 'live' | 'test' | null;
  /** Overrides PUBLIC_BASE_URL. */
  publicUrl: string | null;
}

export interface Endpoints {
  /** From memory. null: there is none. Throws where memory can't tell because Postgres is away. */
  find(provider: ProviderName, key: string): Endpoint | null;
  /** Reads the endpoints again, at most once per short while and once for all who ask at the same time. */
  reload(): Promise<void>;
  /** The firm that an account is mapped to, from memory; null: none. */
  firmOfAccount(provider: ProviderName, account: string): string | null;
}

export type JobState = 'none' | 'alive' | 'failed' | 'completed';

/** What one look at claim and job together found, before it set anything. */
export interface ClaimState {
  claim: 'pending' | 'queued' | 'done' | null;
  claimFirmId: string | null;
  job: JobState;
  jobFirmId: string | null;
  /** A row of `webhook_spill` stands behind the job. */
  isCopied: boolean;
  /** How many jobs of the firm the queue holds, with the one that a new claim announces; 0 where the claim is not new. */
  backlog: number;
}

export interface Claims {
  /** Reads claim and job in one atomic step; where there is neither, sets the claim to `pending` for a short lease. */
  acquire(event: WebhookEvent): Promise<ClaimState>;
  /** Moves the claim forward to `queued` for the provider's claim window; never backwards from `done`. */
  confirm(event: WebhookEvent): Promise<void>;
}

export interface EventQueue {
  /**
   * Adds the job under `jobId = eventId`. Does nothing if there is such a job, even a finished one: `acquire` comes first.
   * `backlog`: how many jobs of the firm the queue holds; the more, the later the job is run. Default: 0.
   */
  add(event: WebhookEvent, backlog?: number): Promise<void>;
  /**
   * The one way to run an event again: removes a failed or completed job and adds a new one, leaves a living
   * job alone. Reads job and claim first; another firm's event is left alone too.
   */
  requeue(event: WebhookEvent): Promise<'enqueued' | 'alive' | 'foreign'>;
  /** Keeps a quarantined delivery until the worker can write its row. */
  addQuarantined(entry: QuarantineEntry): Promise<void>;
}

/** An authentic delivery whose firm is not known, or is another one than its account's. */
export interface QuarantineEntry {
  event: Omit<WebhookEvent, 'firmId'> & { firmId: string | null };
  reason: QuarantineReason;
}

/** The circuit breaker in front of Redis: closed while Redis is well, open while it is not. */
export interface CircuitBreaker {
  /**
   * Runs work that needs Redis. Throws `StoreUnavailableError` if Redis fails, takes longer than its budget, or is too full;
   * while the breaker is open, at once and without running anything.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface Spill {
  /**
   * Commits an event that Redis can't take now. False: this firm has the event there already. `inQueue`: it is only a copy
   * of what the queue gets as well, and the relay needs to look at it only after a while.
   */
  add(event: WebhookEvent, body: Buffer, options: { inQueue: boolean }): Promise<boolean>;
}

/** What a 200 means: the event is in Redis (or, while Redis is away, in Postgres), or in any case in Postgres too. */
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

/** A change with all that its row needs: made by `planChanges` in apply.ts. */
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
  /** Why it changes nothing, where the outcome is `ignored`. */
  ignored: string | null;
  /** Why it failed, where the outcome is `failed` or `dead`. */
  error: string | null;
}

/** A ledger row that was there before, locked until the transaction ends. */
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

/** One object that an event moved forward: a row of `domain_changes`. */
export interface AppliedChange {
  change: PlannedChange;
  entityId: string;
  /** Its row before and after, by column name, where they were asked for; `before` is null where it was made here. */
  before?: Record<string, unknown> | null;
  after?: Record<string, unknown>;
}

/** An event that is about to be recorded, for the handlers of the team's own. */
export interface HandledEvent {
  event: WebhookEvent;
  body: Buffer;
  outcome: 'applied' | 'stale' | 'ignored';
  ignored: string | null;
  changed: readonly AppliedChange[];
}

/** The team's own code, inside the apply transaction. */
export interface EventHandlers {
  /** True if there is code for events like this one: they run alone, in a transaction that sees their firm and no other. */
  wants(event: WebhookEvent): boolean;
  /** Runs it. What it throws is the event's own fault, unless it is a `StoreUnavailableError`. */
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
  /** Adds a row to the outbox; false where the firm had this effect before. What `make` throws fails the whole. */
  addEffect(make: () => Effect): Promise<boolean>;
}

/** One statement. Faults of the store throw `StoreUnavailableError`, all others what the database said. */
export type Statement = (
  text: string,
  values?: readonly unknown[],
) => Promise<{ rows: unknown[]; rowCount: number | null }>;

/** Something to happen outside of the database: a row of `webhook_outbox`. */
export interface Effect {
  firmId: string;
  provider: ProviderName;
  eventId: string;
  /** Unique per firm, for ever. */
  key: string;
  /** The name of a delivery or of one of the firm's destinations. */
  destination: string;
  /** A JSON text. */
  payload: string;
}

/** The inside of one apply transaction. It sees the firms that it was opened for, and no others. */
export interface ApplyTransaction extends HandlerTransaction {
  /** Large bodies from `webhook_bodies`, the spill, or a ledger row that failed before, by idempotency key. */
  storedBodies(events: readonly WebhookEvent[]): Promise<Map<string, Buffer>>;
  /** Inserts in key order what is not there yet; returns the idempotency keys of the rows that are new. */
  insertLedger(rows: readonly LedgerRow[]): Promise<Set<string>>;
  /** Locks the firm's own rows of these events and reads them after the lock, by idempotency key. */
  lockLedger(events: readonly WebhookEvent[]): Promise<Map<string, ExistingRow>>;
  /** Applies guarded changes in lock order; returns those that changed what an object's row says, with its rows if asked. */
  change(changes: readonly PlannedChange[], withRows?: boolean): Promise<AppliedChange[]>;
  /** Sets outcome and links of rows that exist; counts an attempt. */
  finalizeLedger(rows: readonly LedgerRow[]): Promise<void>;
  /** Inserts or updates the row as `failed` or `dead`, never over a final one; false: nothing was changed. */
  failLedger(row: LedgerRow): Promise<boolean>;
  /** Appends to `webhook_attempts` and `domain_changes`. */
  record(attempts: readonly AttemptRecord[], changes: readonly AppliedChange[]): Promise<void>;
  quarantine(entry: QuarantineEntry): Promise<void>;
  /** Deletes the stored bodies and spill rows of those events that have one: the ledger holds them now. */
  deleteStoredCopies(events: readonly WebhookEvent[]): Promise<void>;
}

export interface ApplyPorts {
  /** Runs `work` in one READ COMMITTED transaction whose row-level security names exactly these firms. */
  transaction<T>(firmIds: readonly string[], work: (tx: ApplyTransaction) => Promise<T>): Promise<T>;
  provider: ReadingProvider;
  handlers?: EventHandlers;
  /** Sets the claims of finished events to `done`. A failure costs only a later duplicate its fast answer. */
  claimsDone(events: readonly WebhookEvent[]): Promise<void>;
  /** Deletes the claims that these events' firms have on them. A failure costs a later delivery a way through quarantine. */
  claimsReleased(events: readonly WebhookEvent[]): Promise<void>;
}

/** One job to apply. `lastAttempt`: if it fails now, it is `dead`. */
export interface ApplyItem {
  event: WebhookEvent;
  /** 1, 2, … of this run of the job; attempts that failed for a reason of ours are not in it. */
  attempt: number;
  lastAttempt: boolean;
}

export interface Applied {
  outcome: ApplyOutcome;
  /** What went wrong, where the outcome is `failed` or `dead`. */
  error: unknown;
  /** Why the event changes nothing, where the outcome is `ignored`. */
  ignored?: string;
  /** The same delivery, via queue and spill: not counted as a duplicate. */
  sameDelivery?: true;
}

/** The event failed, and the failure could not be recorded although the store is up. */
export interface Unrecorded {
  outcome: null;
  error: unknown;
}
