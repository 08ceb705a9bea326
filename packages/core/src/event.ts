import type { Body } from './body.js';

/** The name of a provider in the registry; also of its queue and its route, and the value of every `provider` column. */
export type ProviderName = string;

/** What is read from a body to identify and route the event. */
export interface Identity {
  /** The provider's id of the event, or a derived one; `scopeEventId` makes the id in the event key from it. */
  eventId: string;
  type: string;
  /** The provider's account in the body; null if there is none. */
  account: string | null;
  /** null if the provider does not say. */
  livemode: boolean | null;
  /** The provider's own time stamp in milliseconds since 1970; null if there is none. */
  createdAtMs: number | null;
}

/**
 * One authentic event: the data of its job. `v` rises with every incompatible change. Workers read older versions, and
 * postpone jobs of a version that they do not know.
 */
export interface WebhookEvent {
  v: 2;
  /** The id of the firm that the event belongs to. */
  firmId: string;
  provider: ProviderName;
  /** The event key's second half. Also the claim, the job id and the unique column. */
  eventId: string;
  type: string;
  /** The provider's sub-route that received it (`status`, `inbound`); null if the provider has only one. */
  channel: string | null;
  endpointId: string;
  account: string | null;
  createdAtMs: number | null;
  receivedAtMs: number;
  body: Body;
  /** Lower-case hex SHA-256 of the exact bytes. */
  sha256: string;
  /** Why this event must change nothing (such as `mode_mismatch`), decided by the receiver; null if it may. */
  ignored: string | null;
  /** The event also has a row in `webhook_spill`, which the apply transaction deletes. */
  spilled?: true;
}

/** `provider:eventId`: the `idempotency_key` of the ledger. */
export const idempotencyKey = (event: { provider: string; eventId: string }): string =>
  `${event.provider}:${event.eventId}`;

export const acceptOutcomes = [
  'accepted',
  'duplicate',
  'revived',
  'spilled',
  'quarantined',
  'rejected',
  'unavailable',
] as const;
export type AcceptOutcome = (typeof acceptOutcomes)[number];

export const applyOutcomes = [
  'applied',
  'stale',
  'ignored',
  'duplicate',
  'failed',
  'dead',
  'quarantined',
] as const;
export type ApplyOutcome = (typeof applyOutcomes)[number];

/** Outcomes after which the ledger row never changes again. */
export const finalOutcomes = ['applied', 'stale', 'ignored'] as const;
export const isFinal = (outcome: string): boolean => (finalOutcomes as readonly string[]).includes(outcome);
