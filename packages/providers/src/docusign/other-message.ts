import { createHash } from 'node:crypto';
import type { Identity } from '@semel/core';
import { lineOf, typeOf } from '../clean-text.js';
import { asObject, type JsonObject, quoteNumbers, textOf } from '../json.js';
import { millisOf } from '../time.js';

/**
 * Identifies a message that is not about an envelope: `template-created`, `click-agreed`, `sms-opt-out`, and any other. Connect
 * sends them through the same configuration, and a refusal would block the messages behind it. The id is derived from the
 * values that stay the same when `retryCount` rises.
 */
export function identifyOther(message: JsonObject, body: Buffer): Identity {
  // Numbers keep their digits: JavaScript might round an id.
  const exact = JSON.parse(quoteNumbers(textOf(body))) as JsonObject;
  const { event, uri, configurationId, generatedDateTime } = exact;
  const data = asObject(exact.data);
  // With a time, the ids in the message are enough. Without one, only the whole content tells two messages apart.
  const isTimed = typeof generatedDateTime === 'string' && generatedDateTime !== '';
  const named = isTimed ? [generatedDateTime, namedIn(data)] : [withoutRetries(exact)];
  const name = JSON.stringify([event, uri ?? '', configurationId ?? '', ...named]);
  return {
    eventId: `ds_${createHash('sha256').update(name).digest('hex').slice(0, 40)}`,
    type: typeOf(message.event),
    account: accountOf(exact, data),
    livemode: null,
    createdAtMs: millisOf(generatedDateTime),
  };
}

/** The simple values of `data`, and the ids in the objects inside it, by name. */
function namedIn(value: unknown, depth = 0): unknown[] {
  if (depth > deepest || typeof value !== 'object' || value === null) return [];
  return Object.entries(value)
    .filter(
      ([name, inner]) => name !== 'retryCount' && (typeof inner === 'object' || depth === 0 || isId(name)),
    )
    .sort(byName)
    .map(([name, inner]) => [name, typeof inner === 'object' ? namedIn(inner, depth + 1) : inner]);
}

const isId = (name: string) => /(^id|Id|ID|Guid)$/.test(name);

/** No message nests deeper. Bounds the recursion. */
const deepest = 100;

/** The same value with sorted names, and without `retryCount`. */
function withoutRetries(value: unknown, depth = 0): unknown {
  if (depth > deepest) return null;
  if (Array.isArray(value)) return value.map((item) => withoutRetries(item, depth + 1));
  const object = asObject(value);
  if (object === null) return value;
  return Object.entries(object)
    .filter(([name]) => name !== 'retryCount')
    .sort(byName)
    .map(([name, inner]) => [name, withoutRetries(inner, depth + 1)]);
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);

function accountOf({ accountId, uri }: JsonObject, data: JsonObject | null): string | null {
  const inUri = typeof uri === 'string' ? /\/accounts\/([^/?#]{1,200})/.exec(uri)?.[1] : undefined;
  // An id with control characters is skipped: cleaned, it could become the id of another account.
  const found = [data?.accountId, accountId, inUri].find((id) => lineOf(id) !== null && lineOf(id) === id);
  return typeof found === 'string' ? found : null;
}
