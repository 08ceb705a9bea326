import type { ChangeSet } from './change.js';
import type { Identity, ProviderName, WebhookEvent } from './event.js';
import type { Story } from './story.js';

export type Headers = Record<string, string | string[] | undefined>;

/** What a signature is made over, and with. */
export interface SignedRequest {
  /** The exact bytes of the body. */
  body: Buffer;
  /** Header names in lower case. */
  headers: Headers;
  /** The address as the provider calls it: public base URL + raw path and query. Square and Twilio sign it. */
  url: string;
  secrets: readonly string[];
  /** The clock to judge time stamps by, milliseconds since 1970. */
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
  /** How often a handler's error may happen before the event is `dead`. Errors of ours never count. */
  attempts: number;
  /** Milliseconds to wait after the given attempt (1, 2, …) failed, without jitter; capped. */
  delayMs(attempt: number): number;
}

/** How the ledger table of a provider names an event. */
export interface LedgerTable {
  table: string;
  /** The columns that hold the event key, unique together, and how they follow from the event id. */
  keyColumns: readonly string[];
  keyValues(eventId: string): readonly string[];
  /** The columns that link the event to the objects that it touched. */
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
  /** As `semel send <provider> <type>` names it: the event type, then `:variant` where it has several samples. */
  type: string;
  channel: string | null;
  description: string;
  /** A new event with ids of its own; `overrides` is merged over the event's object (or the form's fields). */
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

/** All that Semel knows about a provider: one folder in packages/providers, one line in its registry. */
export interface Provider {
  name: ProviderName;
  /** As people write it: `DocuSign`. */
  title: string;
  routes: readonly Route[];
  bodyLimitBytes: number;
  /** How long a claim is remembered: the provider's automatic retry period plus a day. */
  claimWindowMs: number;
  retry: RetryPolicy;
  ledger: LedgerTable;
  /** Each attempt at one event has a body of its own: that it differs from the first says nothing. */
  bodyChangesOnRetry?: true;
  /** True if one of the secrets signed these bytes. Constant time in the signature. Never throws. */
  verify(request: SignedRequest): boolean;
  /**
   * A usual reason why `verify` refuses a request like this one, as a sentence for the operator's log; null where none is
   * known. It quotes nothing of the request: anyone may have sent it. Never throws.
   */
  signatureHint?(request: Omit<SignedRequest, 'secrets'>): string | null;
  /**
   * Names the event. Throws `RejectedError('malformed')` where no event key can be derived. `headers` are those of the
   * request that `verify` has judged: only a header that the signature covers may have a part in the name.
   */
  identify(body: Buffer, channel: string | null, headers?: Headers): Identity;
  /** How the sender of this event is answered, whatever became of it and by whichever path it came. Default: JSON. */
  replyTo?(event: Pick<WebhookEvent, 'type'>): ReplyKind;
  /** The pure rule: what the event changes. Throws where the body of a known type lacks what the rule needs. */
  changesOf(event: WebhookEvent, body: Buffer): ChangeSet;
  /** The body as a JSON text for the ledger's searchable copy; null where it is not JSON or a form. */
  toJson(body: Buffer): string | null;
  samples: readonly Sample[];
  /** Lives told with these samples. */
  stories: readonly Story[];
  /** Adds the signature headers, made by the vendor's SDK where it can, never by `verify`'s own code. */
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

/** A provider whose functions may read a large body elsewhere, so that the event loop goes on. */
export interface ReadingProvider extends Omit<Provider, 'verify' | 'identify' | 'changesOf'> {
  verify(...args: Parameters<Provider['verify']>): Awaitable<boolean>;
  identify(...args: Parameters<Provider['identify']>): Awaitable<Identity>;
  changesOf(...args: Parameters<Provider['changesOf']>): Awaitable<ChangeSet>;
}
