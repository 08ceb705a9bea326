import type { Change, EntityRef } from '@semel/core';
import { isoOf } from '../time.js';
import { field } from './fields.js';
import type { Form } from './form.js';

/** Twilio's default keywords, each alone in a message. (twilio.com/docs/messaging/guides/advanced-opt-out) */
const words: Record<string, boolean> = {
  STOP: true,
  STOPALL: true,
  UNSUBSCRIBE: true,
  CANCEL: true,
  END: true,
  QUIT: true,
  REVOKE: true,
  OPTOUT: true,
  START: false,
  YES: false,
  UNSTOP: false,
};

/** True: the sender opts out. False: the sender opts in again. null: neither. */
export function optsOut(fields: Form): boolean | null {
  // With Advanced Opt-Out, Twilio has decided, possibly by the firm's own keywords.
  const type = field(fields, 'OptOutType').trim().toUpperCase();
  if (type === 'STOP' || type === 'START') return type === 'STOP';
  if (type === 'HELP') return null;
  const word = field(fields, 'Body').trim().toUpperCase();
  return Object.hasOwn(words, word) ? (words[word] ?? null) : null;
}

/**
 * A change with a separate guard in the conversation's row. Twilio sends no time, so the event received later wins. The time of
 * receipt never changes, so every order of application has the same result.
 */
export const optOutChange = ({ externalId }: EntityRef, optedOut: boolean, receivedAtMs: number): Change => ({
  entity: 'opt_out',
  externalId,
  fields: { opted_out: optedOut, opted_out_at: optedOut ? isoOf(receivedAtMs) : null },
  order: { rank: 0, timeNs: 0n, step: [] },
});
