import { type Effect, SemelError, type WebhookEvent } from '@semel/core';
import type { OutboxEntry } from '@semel/handlers';

/** Limit on the payload of an effect, as JSON in UTF-8. */
export const effectPayloadLimitBytes = 256 * 1024;
/** Limit on the `key` and the `to` of an effect, in UTF-8. */
export const effectNameLimitBytes = 255;
const nameRule = `a text of 1 to ${effectNameLimitBytes} bytes`;

/** Makes an outbox row of a handler's entry. Throws `effect_invalid` if it could never be delivered. */
export function toEffect(event: WebhookEvent, { key, to, payload }: OutboxEntry): Effect {
  const refuse = (why: string) => new SemelError('effect_invalid', why);
  if (!isName(key)) throw refuse(`\`key\` names the effect: ${nameRule} without control characters`);
  if (!isName(to)) throw refuse(`\`to\` names a delivery or a destination: ${nameRule}`);
  const json = toJson(payload);
  if (json === undefined) throw refuse('`payload` cannot be written as JSON');
  if (Buffer.byteLength(json) > effectPayloadLimitBytes)
    throw refuse(`\`payload\` is larger than ${effectPayloadLimitBytes / 1024} KiB`);
  const { firmId, provider, eventId } = event;
  return { firmId, provider, eventId, key, destination: to, payload: json };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are refused
const withoutControl = /^[^\u0000-\u001f\u007f]+$/;

const isName = (text: unknown): text is string =>
  typeof text === 'string' && withoutControl.test(text) && Buffer.byteLength(text) <= effectNameLimitBytes;

function toJson(payload: unknown): string | undefined {
  try {
    return JSON.stringify(payload);
  } catch {
    return undefined; // circular, or has a bigint
  }
}
