import { shortText } from '../clean-text.js';
import { type Ranks, rankIn } from '../rank.js';

/**
 * created < sent < delivered < signed < ended. Envelopes and recipients share these statuses; unlisted ones count as 0.
 * `deleted` is an end of drafts, below completed, declined and voided, which never change again.
 */
const ranks: Ranks = {
  created: 0,
  sent: 1,
  autoresponded: 1,
  faxpending: 1,
  delivered: 2,
  signed: 3,
  deleted: 4,
  timedout: 4,
  completed: 5,
  declined: 5,
  voided: 5,
};

export const rankOf = (status: string | null): number => rankIn(ranks, status);

/** An envelope in progress moves back and forth between these: a correction leads from `delivered` back to `sent`. */
const envelopeInProgress: readonly string[] = ['sent', 'autoresponded', 'faxpending', 'delivered'];
/** A recipient who is replaced, or moved to a later turn, starts again. */
const recipientInProgress: readonly string[] = ['created', ...envelopeInProgress];
const inProgressRank = 2;

/**
 * The guard's rank: how far the object has come. Statuses in progress share a rank, so time decides between them. Otherwise, of
 * two messages with the same status, the one with the object's data ranks above the one that only names it.
 */
export function guardRankOf(kind: 'envelope' | 'recipient', status: string | null, hasData: boolean): number {
  const inProgress = kind === 'envelope' ? envelopeInProgress : recipientInProgress;
  return status !== null && inProgress.includes(status)
    ? inProgressRank
    : 2 * rankOf(status) + (hasData ? 1 : 0);
}

export const statusOf = (value: unknown): string | null => shortText(value)?.toLowerCase() ?? null;

/**
 * The status that an event's name implies; null for `envelope-corrected`, `-reminder-sent` and other names. `envelope-deleted`
 * means that it was moved to the bin; the status stays.
 */
export function impliedStatus(verb: string | null): string | null {
  const status = statusOf(verb);
  return status !== null && status !== 'deleted' && Object.hasOwn(ranks, status) ? status : null;
}

/** The object's own status, unless the event implies a later one. */
export const further = (own: string | null, implied: string | null): string | null =>
  own === null || rankOf(implied) > rankOf(own) ? implied : own;
