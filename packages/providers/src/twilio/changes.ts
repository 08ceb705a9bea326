import {
  type Change,
  type ChangeSet,
  type EntityRef,
  nothing,
  stubOrder,
  type WebhookEvent,
} from '@semel/core';
import { cleanText, lineOf, shortText } from '../clean-text.js';
import { type Ranks, rankIn } from '../rank.js';
import { isoOf } from '../time.js';
import { field, fieldsOf } from './fields.js';
import type { Form } from './form.js';
import { optOutChange, optsOut } from './opt-out.js';

/** Callbacks arrive in any order and have no time, so only the status orders them. */
const ranks: Ranks = {
  accepted: 0,
  scheduled: 0,
  queued: 1,
  sending: 2,
  receiving: 2,
  sent: 3,
  delivered: 4,
  undelivered: 4,
  failed: 4,
  canceled: 4,
  received: 4,
  partially_delivered: 4,
  read: 5,
};

/** The rule for status callbacks of outbound messages and for inbound messages: changes the message and its conversation. */
export function changesOf(event: WebhookEvent, body: Buffer): ChangeSet {
  const inbound = event.type === 'inbound';
  if (!inbound && !event.type.startsWith('status:')) return nothing('type_not_handled');
  const fields = fieldsOf(body);
  const sid = fields === null ? '' : field(fields, 'MessageSid') || field(fields, 'SmsSid');
  if (fields === null || lineOf(sid) !== sid) return nothing('no_object');

  const message: EntityRef = { entity: 'message', externalId: sid };
  const conversation = conversationOf(fields, inbound);
  const status = inbound ? 'received' : event.type.slice('status:'.length);
  const change: Change = {
    ...message,
    fields: {
      direction: inbound ? 'inbound' : 'outbound',
      status,
      error_code: shortText(field(fields, 'ErrorCode')),
      from_number: shortText(field(fields, 'From')),
      to_number: shortText(field(fields, 'To')),
      body: inbound ? cleanText(field(fields, 'Body')) : null,
      media: inbound ? mediaOf(fields) : null,
      messaging_service_sid: shortText(field(fields, 'MessagingServiceSid')),
      account_sid: shortText(field(fields, 'AccountSid')),
    },
    order: { rank: rankIn(ranks, status), timeNs: 0n, step: [] },
  };
  if (conversation === null) return { changes: [change], links: { message_id: message }, ignored: null };
  const optedOut = inbound ? optsOut(fields) : null;
  // Only inbound messages update the conversation; a callback has no time.
  const latest = inbound ? { latest: { last_inbound_at: isoOf(event.receivedAtMs) } } : {};
  return {
    changes: [
      { ...conversation, fields: {}, ...latest, order: stubOrder },
      ...(optedOut === null ? [] : [optOutChange(conversation, optedOut, event.receivedAtMs)]),
      { ...change, refs: { conversation_id: conversation } },
    ],
    links: { message_id: message, conversation_id: conversation },
    ignored: null,
  };
}

/**
 * A conversation belongs to one of our numbers and one of theirs. `whatsapp:+1…` and `rcs:…` are separate numbers: opting out of
 * one channel does not affect the others.
 */
function conversationOf(fields: Form, inbound: boolean): EntityRef | null {
  const [from, to] = [numberOf(fields, 'From'), numberOf(fields, 'To')];
  if (from === null || to === null) return null;
  return { entity: 'conversation', externalId: inbound ? `${to}|${from}` : `${from}|${to}` };
}

/** A phone number, a short code, a sender's name or `whatsapp:+…`. */
function numberOf(fields: Form, name: string): string | null {
  const value = field(fields, name);
  return value.length <= 100 && lineOf(value) === value && !value.includes('|') ? value : null;
}

/** The links of an MMS; Twilio sends at most ten. */
function mediaOf(fields: Form): { url: string | null; content_type: string | null }[] | null {
  const count = Math.min(Number.parseInt(field(fields, 'NumMedia'), 10) || 0, 10);
  const media = Array.from({ length: Math.max(count, 0) }, (_, index) => ({
    url: cleanText(field(fields, `MediaUrl${index}`), 2048) || null,
    content_type: shortText(field(fields, `MediaContentType${index}`)),
  }));
  return media.length === 0 ? null : media;
}
