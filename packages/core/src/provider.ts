import type { ChangeSet } from './change.js';
import type { Identity, ProviderName, WebhookEvent } from './event.js';
import type { Scenario } from './scenario.js';

export type Headers = Record<string, string | string[] | undefined>;

/** The parts of a request that a signature covers, and the secrets. */
export interface SignedRequest {
  /** The exact bytes of the body. */
  body: Buffer;
  /** Header names in lower case. */
  headers: Headers;
  /** The address as the provider calls it: public base URL + raw path and query. Square and Twilio sign it. */
  url: string;
  secrets: readonly string[];
  /** The current time for checking time stamps, in milliseconds since 1970. */
  nowMs: number;
}

/** One POST route of a provider below `/webhooks/<provider>/:endpoint`. */
export interface Route {
  /** `''`, `'/status'`, … */
  path: string;
  channel: string | null;
}

/** The body of a 200: the outcome as JSON, or an empty TwiML document. */
export type ReplyKind = 'json' | 'twiml';

export interface RetryPolicy {
  /** How many attempts may fail before the event is `dead`. Store outages never count. */
  attempts: number;
  /** Milliseconds to wait after the given attempt (1, 2, …) failed, without jitter; capped. */
  delayMs(attempt: number): number;
}

/** How the ledger table of a provider names an event. */
export interface LedgerTable {
  table: string;
  /** The columns of the event key, unique together; `keyValues` derives their values from the event id. */
  keyColumns: readonly string[];
  keyValues(eventId: string): readonly string[];
  /** The columns that link the event to objects. */
  linkColumns: readonly string[];
}

/** A request in the provider's real format, as `semel send` posts it. */
export interface SampleRequest {
  channel: string | null;
  /** Extra headers, with the signature among them after `sign`. */
  headers: Record<string, string>;
  body: Buffer;
}

export interface Sample {
  /** Its name in `semel send <provider> <type>`: the event type, then `:variant` if the type has several samples. */
  type: string;
  channel: string | null;
  description: string;
  /** Builds an event with new ids. `overrides` is merged into the event's object, or the form's fields. */
  build(options: { account: string | null; nowMs: number; overrides?: Record<string, unknown> }): {
    body: Buffer;
    contentType: string;
  };
}

/** Why a text can't be a provider's signing secret. Neither sentence has a full stop. */
export interface SecretRefusal {
  message: string;
  /** Where the right secret is; starts in lower case. */
  advice: string;
}

/** Everything about a provider: one folder in packages/providers, one line in its registry. */
export interface Provider {
  name: ProviderName;
  /** Its name in texts: `DocuSign`. */
  title: string;
  routes: readonly Route[];
  bodyLimitBytes: number;
  /** How long a claim is stored, in milliseconds: the provider's automatic retry period plus a day. */
  claimWindowMs: number;
  retry: RetryPolicy;
  ledger: LedgerTable;
  /** Its event ids are unique per endpoint only: the endpoint becomes a part of the event id. Default: unique per provider. */
  idScope?: 'endpoint';
  /** The body differs in each delivery of the same event, so differing bodies are not reported. */
  bodyChangesOnRetry?: true;
  /** True if one of the secrets signed these bytes. Constant time in the signature. Never throws. */
  verify(request: SignedRequest): boolean;
  /**
   * A likely reason why `verify` refused this request, as a sentence for the operator's log; null if none is known. Must not
   * quote the request: anyone may have sent it. Never throws.
   */
  signatureHint?(request: Omit<SignedRequest, 'secrets'>): string | null;
  /**
   * Reads the event's identity. Throws `RejectedError('malformed')` if no event key can be derived. Only headers that the
   * signature covers may be part of the event id.
   */
  identify(body: Buffer, channel: string | null, headers?: Headers): Identity;
  /** The kind of answer to the sender of this event, whatever its outcome and route. Default: JSON. */
  replyTo?(event: Pick<WebhookEvent, 'type'>): ReplyKind;
  /** The pure rule: returns the event's changes. Throws if the body of a known type lacks what the rule needs. */
  changesOf(event: WebhookEvent, body: Buffer): ChangeSet;
  /** Returns the body as JSON text for the ledger's searchable copy; null if it is neither JSON nor a form. */
  toJson(body: Buffer): string | null;
  samples: readonly Sample[];
  /** Sequences of these samples. */
  scenarios: readonly Scenario[];
  /** Adds the signature headers. Uses the vendor's SDK where it can, and never the code of `verify`. */
  sign(delivery: SampleRequest, options: { url: string; secret: string; nowMs: number }): SampleRequest;
  /** An example of this provider's secret, for `endpoint add --help` and generated endpoints. */
  newSecret(): string;
  /**
   * Why no delivery can ever be verified with this text; null if one might be. Called when a secret is entered, never for a
   * delivery. Must not quote the text.
   */
  refuseSecret?(secret: string): SecretRefusal | null;
}

type Awaitable<T> = T | Promise<T>;

/** A provider whose functions may read a large body in another thread, so that the event loop is not blocked. */
export interface ReadingProvider extends Omit<Provider, 'verify' | 'identify' | 'changesOf'> {
  verify(...args: Parameters<Provider['verify']>): Awaitable<boolean>;
  identify(...args: Parameters<Provider['identify']>): Awaitable<Identity>;
  changesOf(...args: Parameters<Provider['changesOf']>): Awaitable<ChangeSet>;
}
