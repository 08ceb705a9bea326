import type { Change, EntityRef } from '@semel/core';
import { cleanText, idOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { isoOf, millisOf } from '../time.js';
import type { Moment } from './moment.js';
import { orderOf } from './order.js';
import { further, impliedStatus, statusOf } from './status.js';

/** No envelope has more recipients. Bounds the transaction that a malformed message can cause. */
export const recipientLimit = 500;

/** All recipients of a summary that have an id, by id, in every role: `signers`, `carbonCopies`, `agents` … */
export function recipientsOf(summary: JsonObject | null): Map<string, JsonObject> {
  const found = new Map<string, JsonObject>();
  for (const recipient of entriesOf(summary).map(asObject)) {
    const id = recipientIdOf(recipient?.recipientId);
    if (recipient !== null && id !== null && found.size < recipientLimit) found.set(id, recipient);
  }
  return found;
}

const entriesOf = (summary: JsonObject | null): unknown[] =>
  Object.values(asObject(summary?.recipients) ?? {}).flatMap(asList);

/** A string of digits in messages; a number if another program wrote the JSON. */
export const recipientIdOf = (value: unknown): string | null =>
  Number.isSafeInteger(value) ? String(value) : idOf(value);

/**
 * The ids of all recipients at that moment; a recipient who is missing was removed. No change if the list may be incomplete: it
 * is absent, an entry has no id or exceeds the limit, or `recipientCount` differs.
 */
export function recipientListChange(
  envelope: EntityRef,
  summary: JsonObject | null,
  recipients: ReadonlyMap<string, JsonObject>,
  generated: Moment | null,
): Change[] {
  const lists = asObject(summary?.recipients);
  if (lists === null || generated === null || entriesOf(summary).length !== recipients.size) return [];
  const counted = lists.recipientCount;
  const isWhole = counted === undefined ? recipients.size > 0 : String(counted) === String(recipients.size);
  if (!isWhole) return [];
  return [
    {
      entity: 'recipient_list',
      externalId: envelope.externalId,
      fields: { recipient_ids: [...recipients.keys()].sort() },
      refs: { envelope_id: envelope },
      order: { rank: 0, timeNs: generated.ns, step: [] },
    },
  ];
}

/**
 * `recipientId` counts from 1 in each envelope, so it identifies a recipient only together with the envelope. `recipient` is
 * null if the message has only the id. Names and addresses are not stored.
 */
export function recipientChange(
  envelope: EntityRef,
  recipientId: string,
  recipient: JsonObject | null,
  generated: Moment | null,
  verb: string | null = null,
): Change {
  const status = further(statusOf(recipient?.status), impliedStatus(verb));
  const timeOf = (name: string, ownVerb: string) =>
    isoOf(millisOf(recipient?.[name]) ?? (verb === ownVerb ? (generated?.ms ?? null) : null));
  return {
    entity: 'recipient',
    externalId: `${envelope.externalId}|${recipientId}`,
    fields: {
      status,
      role_type: shortText(recipient?.recipientType),
      routing_order: routingOrderOf(recipient?.routingOrder),
      sent_at: timeOf('sentDateTime', 'sent'),
      delivered_at: timeOf('deliveredDateTime', 'delivered'),
      signed_at: timeOf('signedDateTime', 'completed'),
      declined_at: timeOf('declinedDateTime', 'declined'),
      declined_reason: cleanText(recipient?.declinedReason) || null,
    },
    refs: { envelope_id: envelope },
    order: orderOf('recipient', {
      status,
      changedNs: null,
      generatedNs: generated?.ns ?? 0n,
      hasData: recipient !== null,
    }),
  };
}

/** A string of digits in messages; the SDK may convert it to a number. */
function routingOrderOf(value: unknown): number | null {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : null;
}
