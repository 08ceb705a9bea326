import type { Change, EntityRef } from '@semel/core';
import { isoOf } from '../time.js';
import { field } from './fields.js';
import type { Form } from './form.js';

/** Twilio's own default keywords, alone in a message. (twilio.com/docs/messaging/guides/advanced-opt-out) */
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

/** True: they want no more messages. False: they want them again. null: the message says nothing of it. */
export function optsOut(fields: Form): boolean | null {
  // Where Advanced Opt-Out is on, Twilio has decided, by words that may be the firm's own.
  const type = field(fields, 'OptOutType').trim().toUpperCase();
  if (type === 'STOP' || type === 'START') return type === 'STOP';
  if (type === 'HELP') return null;
  const word = field(fields, 'Body').trim().toUpperCase();
  return Object.hasOwn(words, word) ? (words[word] ?? null) : null;
}

/**
 * A guard of its own, in the row of the conversation. Twilio sends no time: what was received later counts. When an event
 * was received is fixed once it is in, so any order of application ends alike.
 */
export const optOutChange = ({ externalId }: EntityRef, optedOut: boolean, receivedAtMs: number): Change => ({
  entity: 'opt_out',
  externalId,
  fields: { opted_out: optedOut, opted_out_at: optedOut ? isoOf(receivedAtMs) : null },
  order: { rank: 0, timeNs: 0n, step: [] },
});
