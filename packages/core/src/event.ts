import type { Body } from './body.js';

/** The name of a provider in the registry: also its queue, its route and the value of every `provider` column. */
export type ProviderName = string;

/** What a provider's body says about itself: just enough to name the event and to route it. */
export interface Identity {
  /** The event key's second half: the provider's id or the derived one. Also the claim, the job id and the unique column. */
  eventId: string;
  type: string;
  /** The provider's account that the event belongs to, as the body says; null where it says none. */
  account: string | null;
  /** null where the provider does not say. */
  livemode: boolean | null;
  /** Milliseconds since 1970 of the provider's own time stamp; null where there is none. */
  createdAtMs: number | null;
}

/**
 * One authentic event, as it travels through the queue: the job's data. `v` changes with every incompatible
 * change; a worker that does not know it leaves the job alone.
 */
export interface WebhookEvent {
  v: 2;
  /** The id of the firm that the event belongs to. */
  firmId: string;
  provider: ProviderName;
  eventId: string;
  type: string;
  /** The provider's sub-route that it came in by (`status`, `inbound`), null where the provider has only one. */
  channel: string | null;
  endpointId: string;
  account: string | null;
  createdAtMs: number | null;
  receivedAtMs: number;
  body: Body;
  /** Lower-case hex SHA-256 of the exact bytes. */
  sha256: string;
  /** Why this event shall change nothing (such as `mode_mismatch`), decided when it was accepted. */
  ignored: string | null;
  /** A row of `webhook_spill` stands behind this job: the apply transaction deletes it. */
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
