import type { Change, EntityRef } from '@semel/core';
import { cleanText, idOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { isoOf, millisOf } from '../time.js';
import type { Moment } from './moment.js';
import { orderOf } from './order.js';
import { further, statusOf, statusTold } from './status.js';

/** No envelope has more of them; an odd message must not become a transaction without end. */
const recipientLimit = 500;

/** All recipients of a summary that have an id, whatever their role: `signers`, `carbonCopies`, `agents` … */
export function recipientsOf(summary: JsonObject | null): JsonObject[] {
  const found = new Map<string, JsonObject>();
  for (const list of Object.values(asObject(summary?.recipients) ?? {}))
    for (const recipient of asList(list).map(asObject)) {
      const id = idOf(recipient?.recipientId);
      if (recipient !== null && id !== null && found.size < recipientLimit) found.set(id, recipient);
    }
  return [...found.values()];
}

/**
 * `recipientId` counts from 1 inside an envelope: only together with the envelope does it name someone. `recipient` is
 * null where the message has only the id. Names and addresses are not kept.
 */
export function recipientChange(
  envelope: EntityRef,
  recipientId: string,
  recipient: JsonObject | null,
  generated: Moment | null,
  verb: string | null = null,
): Change {
  const status = further(statusOf(recipient?.status), statusTold(verb));
  const timeOf = (name: string, told: string) =>
    isoOf(millisOf(recipient?.[name]) ?? (verb === told ? (generated?.ms ?? null) : null));
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
    order: orderOf(status, {
      changedNs: null,
      generatedNs: generated?.ns ?? 0n,
      hasData: recipient !== null,
    }),
  };
}

/** A text of digits in messages; the SDK may make a number of it. */
function routingOrderOf(value: unknown): number | null {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : null;
}
