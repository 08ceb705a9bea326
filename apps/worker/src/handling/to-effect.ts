import { type Effect, SemelError, type WebhookEvent } from '@semel/core';
import type { OutboxEntry } from '@semel/handlers';

/** Limit on the payload of an effect, as JSON in UTF-8. */
export const effectPayloadLimitBytes = 256 * 1024;

/** Makes an outbox row of a handler's entry. Throws `effect_invalid` if it could never be delivered. */
export function toEffect(event: WebhookEvent, { key, to, payload }: OutboxEntry): Effect {
  const refuse = (why: string) => new SemelError('effect_invalid', why);
  if (!isName(key))
    throw refuse('`key` names the effect: a text of 1 to 255 bytes without control characters');
  if (!isName(to)) throw refuse('`to` names a delivery or a destination: a text of 1 to 255 bytes');
  const json = toJson(payload);
  if (json === undefined) throw refuse('`payload` cannot be written as JSON');
  if (Buffer.byteLength(json) > effectPayloadLimitBytes) throw refuse('`payload` is larger than 256 KiB');
  const { firmId, provider, eventId } = event;
  return { firmId, provider, eventId, key, destination: to, payload: json };
}

const isName = (text: unknown): text is string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  typeof text === 'string' && /^[^\u0000-\u001f\u007f]+$/.test(text) && Buffer.byteLength(text) <= 255;

function toJson(payload: unknown): string | undefined {
  try {
    return JSON.stringify(payload);
  } catch {
    return undefined; // circular, or has a bigint
  }
}
