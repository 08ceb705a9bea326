import {
  type Change,
  type ChangeSet,
  type EntityRef,
  nothing,
  stubOrder,
  type WebhookEvent,
} from '@semel/core';
import { cleanText, idOf } from '../clean-text.js';
import { asObject, type JsonObject, parseObject } from '../json.js';
import { isoOf, millisOf, nanosOf } from '../time.js';
import { type Moment, momentOf, momentOfMillis } from './moment.js';
import { orderOf } from './order.js';
import { recipientChange, recipientIdOf, recipientListChange, recipientsOf } from './recipients.js';
import { further, impliedStatus, statusOf } from './status.js';

/** Events that don't concern the status, with the column for the time of the latest one. */
const marks: Record<string, string> = {
  corrected: 'corrected_at',
  resent: 'resent_at',
  purge: 'purged_at',
  deleted: 'deleted_at',
};

/**
 * The rule for `envelope-*` and `recipient-*`. A message has the whole envelope if data is included, else only its id and a
 * time. Messages overtake each other, so the status decides before the time does.
 */
export function changesOf(event: WebhookEvent, body: Buffer): ChangeSet {
  const [, kind, verb] = /^(envelope|recipient)-(.+)$/.exec(event.type) ?? [];
  if (kind === undefined || verb === undefined) return nothing('type_not_handled');
  const message = parseObject(body);
  const data = asObject(message?.data);
  const externalId = idOf(data?.envelopeId);
  if (message === null || data === null || externalId === null) return nothing('no_object');
  const recipientId = kind === 'recipient' ? recipientIdOf(data.recipientId) : null;
  if (kind === 'recipient' && recipientId === null) return nothing('no_object');

  const envelope: EntityRef = { entity: 'envelope', externalId };
  const summary = asObject(data.envelopeSummary);
  const generated = momentOf(message.generatedDateTime);
  const changes =
    kind === 'envelope'
      ? [envelopeChange(envelope, verb, summary, generated ?? momentOfMillis(event.receivedAtMs))]
      : summary === null
        ? []
        : [envelopeChange(envelope, null, summary, generated)];
  const known = recipientsOf(summary);
  for (const [id, recipient] of known)
    changes.push(recipientChange(envelope, id, recipient, generated, id === recipientId ? verb : null));
  changes.push(...recipientListChange(envelope, summary, known, generated));
  if (recipientId !== null && !known.has(recipientId))
    changes.push(recipientChange(envelope, recipientId, null, generated, verb));
  return { changes, links: { envelope_id: envelope }, ignored: null };
}

/** Changes from an API response: those of a message with data, generated at the time of the request. */
export function changesOfAnswer(envelopeId: string, summary: JsonObject, askedAtMs: number): Change[] {
  const envelope: EntityRef = { entity: 'envelope', externalId: envelopeId };
  const asked = momentOfMillis(askedAtMs);
  const known = recipientsOf(summary);
  const change = envelopeChange(envelope, null, summary, asked);
  return [
    // The response is the current state, whenever its status began: it follows the message that caused the request.
    { ...change, order: { ...change.order, timeNs: asked.ns } },
    ...[...known].map(([id, recipient]) => recipientChange(envelope, id, recipient, asked)),
    ...recipientListChange(envelope, summary, known, asked),
  ];
}

function envelopeChange(
  envelope: EntityRef,
  verb: string | null,
  summary: JsonObject | null,
  generated: Moment | null,
): Change {
  const mark = verb === null ? undefined : Object.hasOwn(marks, verb) ? marks[verb] : undefined;
  const latest = mark === undefined ? {} : { latest: { [mark]: isoOf(generated?.ms ?? null) } };
  const status = further(statusOf(summary?.status), impliedStatus(verb));
  if (status === null && summary === null) return { ...envelope, fields: {}, ...latest, order: stubOrder };
  const changedMs = millisOf(summary?.statusChangedDateTime) ?? generated?.ms ?? null;
  // Without data, the message's own time is the best known time of the status.
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
    ...latest,
    order: orderOf('envelope', {
      status,
      changedNs: nanosOf(summary?.statusChangedDateTime),
      generatedNs: generated?.ns ?? 0n,
      hasData: summary !== null,
    }),
  };
}
