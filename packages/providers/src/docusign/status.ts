import { shortText } from '../clean-text.js';

/** created < sent < delivered < signed < the end. Envelopes and recipients share the words; others count as 0. */
const ranks: Record<string, number> = {
  created: 0,
  sent: 1,
  delivered: 2,
  signed: 3,
  completed: 4,
  declined: 4,
  voided: 4,
  deleted: 4,
};

export const rankOf = (status: string | null): number =>
  status !== null && Object.hasOwn(ranks, status) ? (ranks[status] ?? 0) : 0;

export const statusOf = (value: unknown): string | null => shortText(value)?.toLowerCase() ?? null;

/**
 * The object's own status, unless the event tells of a later one. `envelope-corrected`, `-resent` and the like
 * are no statuses, and give way to what the object says.
 */
export const further = (own: string | null, told: string | null): string | null =>
  own === null || rankOf(told) > rankOf(own) ? told : own;
