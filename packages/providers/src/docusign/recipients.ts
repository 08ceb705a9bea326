import type { Change, EntityRef } from '@semel/core';
import { idOf } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { isoOf, millisOf } from '../time.js';
import { further, rankOf, statusOf } from './status.js';

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

/** `recipientId` counts from 1 inside an envelope: only together with the envelope does it name someone. */
export function recipientChange(
  envelope: EntityRef,
  recipient: JsonObject,
  generatedMs: number | null,
  verb: string | null = null,
): Change {
  const status = further(statusOf(recipient.status), statusOf(verb));
  const signedMs = millisOf(recipient.signedDateTime) ?? (verb === 'completed' ? generatedMs : null);
  const declinedMs = millisOf(recipient.declinedDateTime) ?? (verb === 'declined' ? generatedMs : null);
  return {
    entity: 'recipient',
    externalId: `${envelope.externalId}|${recipient.recipientId}`,
    fields: { status, signed_at: isoOf(signedMs), declined_at: isoOf(declinedMs) },
    refs: { envelope_id: envelope },
    order: [rankOf(status), generatedMs ?? 0],
  };
}
