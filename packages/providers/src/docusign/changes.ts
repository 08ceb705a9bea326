import { type Change, type ChangeSet, type EntityRef, nothing, type WebhookEvent } from '@semel/core';
import { cleanText, idOf } from '../clean-text.js';
import { asObject, type JsonObject, parseObject } from '../json.js';
import { isoOf, millisOf } from '../time.js';
import { recipientChange, recipientsOf } from './recipients.js';
import { further, rankOf, statusOf } from './status.js';

/**
 * The rule for `envelope-*` and `recipient-*`. With data included, a message brings the whole envelope; without,
 * only its name and a time. Messages overtake each other, so the status decides before the time does.
 */
export function changesOf(event: WebhookEvent, body: Buffer): ChangeSet {
  const [, kind, verb] = /^(envelope|recipient)-(.+)$/.exec(event.type) ?? [];
  if (kind === undefined || verb === undefined) return nothing('type_not_handled');
  const message = parseObject(body);
  const data = asObject(message?.data);
  const externalId = idOf(data?.envelopeId);
  if (message === null || data === null || externalId === null) return nothing('no_object');

  const envelope: EntityRef = { entity: 'envelope', externalId };
  const summary = asObject(data.envelopeSummary);
  const generatedMs = millisOf(message.generatedDateTime);
  const recipients = recipientsOf(summary);
  if (kind === 'envelope') {
    const changes = recipients.map((recipient) => recipientChange(envelope, recipient, generatedMs));
    return {
      changes: [envelopeChange(envelope, verb, summary, generatedMs), ...changes],
      links: { envelope_id: envelope },
      ignored: null,
    };
  }
  const recipientId = idOf(data.recipientId);
  if (recipientId === null) return nothing('no_object');
  const known = recipients.find((recipient) => recipient.recipientId === recipientId) ?? { recipientId };
  return {
    changes: [recipientChange(envelope, known, generatedMs, verb)],
    links: { envelope_id: envelope },
    ignored: null,
  };
}

function envelopeChange(
  envelope: EntityRef,
  verb: string,
  summary: JsonObject | null,
  generatedMs: number | null,
): Change {
  const status = further(statusOf(summary?.status), statusOf(verb));
  const changedMs = millisOf(summary?.statusChangedDateTime) ?? generatedMs;
  // Without data the message's own time is the best that is known of the step that it tells of.
  const timeOf = (name: string) =>
    isoOf(millisOf(summary?.[`${name}DateTime`]) ?? (status === name ? changedMs : null));
  return {
    ...envelope,
    fields: {
      status,
      status_changed_at: isoOf(changedMs),
      sent_at: timeOf('sent'),
      delivered_at: timeOf('delivered'),
      completed_at: timeOf('completed'),
      declined_at: timeOf('declined'),
      voided_at: timeOf('voided'),
      voided_reason: cleanText(summary?.voidedReason) || null,
    },
    order: [rankOf(status), changedMs ?? 0],
  };
}
