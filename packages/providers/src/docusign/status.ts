import { shortText } from '../clean-text.js';

/**
 * created < sent < delivered < signed < the end. Envelopes and recipients share the words; others count as 0. A draft
 * that is deleted has ended too, but no envelope that was completed, declined or voided is ever anything else.
 */
const ranks: Record<string, number> = {
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

export const rankOf = (status: string | null): number =>
  status !== null && Object.hasOwn(ranks, status) ? (ranks[status] ?? 0) : 0;

/** While an envelope is out it goes to and fro between these: a correction leads from `delivered` back to `sent`. */
const envelopeOut: readonly string[] = ['sent', 'autoresponded', 'faxpending', 'delivered'];
/** A recipient who is replaced, or whose turn is later now, begins anew. */
const recipientOut: readonly string[] = ['created', ...envelopeOut];
const outRank = 2;

/**
 * The rank of the guard: how far the object has come. While it is out, time decides. Else, of two messages with the same
 * status, the one that has the object's data is worth more than one that only names it.
 */
export function guardRankOf(kind: 'envelope' | 'recipient', status: string | null, hasData: boolean): number {
  const out = kind === 'envelope' ? envelopeOut : recipientOut;
  return status !== null && out.includes(status) ? outRank : 2 * rankOf(status) + (hasData ? 1 : 0);
}

export const statusOf = (value: unknown): string | null => shortText(value)?.toLowerCase() ?? null;

/**
 * The status that an event's name tells of; null for `envelope-corrected`, `-reminder-sent` and the like, and for those to
 * come. `envelope-deleted` tells of a bin: the status stays.
 */
export function statusTold(verb: string | null): string | null {
  const told = statusOf(verb);
  return told !== null && told !== 'deleted' && Object.hasOwn(ranks, told) ? told : null;
}

/** The object's own status, unless the event tells of a later one. */
export const further = (own: string | null, told: string | null): string | null =>
  own === null || rankOf(told) > rankOf(own) ? told : own;
