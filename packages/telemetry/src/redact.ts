import { describeError } from './describe-error.js';

/** Keys whose values never reach a log, at the top of a line or up to two objects deep. */
const redactedKeys: ReadonlySet<string> = new Set([
  // secrets and signatures
  'secret',
  'secrets',
  'password',
  'token',
  'authToken',
  'encryptionKey',
  'databaseUrl',
  'redisUrl',
  'signature',
  'authorization',
  'cookie',
  'set-cookie',
  // bodies
  'body',
  'Body',
  'rawBody',
  'event_raw',
  'eventRaw',
  'event_data',
  'eventData',
  'data',
  'payload',
  'fields',
  // people
  'name',
  'userName',
  'firstName',
  'lastName',
  'email',
  'address',
  'phone',
  'phoneNumber',
  'From',
  'To',
  'ourNumber',
  'theirNumber',
  'our_number',
  'their_number',
]);

/**
 * The fields of a line without what those keys hold. Copies only what has such a key: nearly no line has, and each duplicate
 * writes one. Keys at the top that are `spared` are left as they are.
 */
export const redact = (fields: object, spared: ReadonlySet<string>): Fields =>
  withoutSecrets(fields, 3, spared) as Fields;

function withoutSecrets(value: unknown, levels: number, spared: ReadonlySet<string> | null): unknown {
  if (typeof value !== 'object' || value === null || levels === 0) return value;
  if (value instanceof Error) return describeError(value);
  const fields = ('toJSON' in value && typeof value.toJSON === 'function' ? value.toJSON() : value) as Fields;
  if (typeof fields !== 'object' || fields === null) return fields;
  let copy: Fields | undefined;
  for (const key of Object.keys(fields)) {
    if (spared?.has(key)) continue;
    const told = redactedKeys.has(key) ? '[redacted]' : withoutSecrets(fields[key], levels - 1, null);
    if (told === fields[key]) continue;
    copy ??= (Array.isArray(fields) ? [...fields] : { ...fields }) as Fields;
    copy[key] = told;
  }
  return copy ?? fields;
}

type Fields = Record<string, unknown>;

/** `+15551234567` → `+*********67`: enough to tell two numbers apart, too little to call one. */
export const maskPhone = (number: string): string =>
  number.replace(/^(\+?)(\d+)(\d{2})$/, (_, plus: string, hidden: string, last: string) => {
    return plus + '*'.repeat(hidden.length) + last;
  });

/**
 * The last net, over a whole line: what hides inside a text, such as an error's message, has no key to go by.
 * It can't know a name or an address there.
 */
export const scrubLine = (line: string): string =>
  line
    .replace(/\+\d{7,15}\b/g, maskPhone)
    .replace(/("[\w-]*signature[\w-]*":)"(?:[^"\\]|\\.)*"/gi, '$1"[redacted]"') // whatever a provider calls its header
    .replace(/\bwhsec_[\w+/=-]+/g, 'whsec_[redacted]')
    .replace(
      /(\b(?:postgres|postgresql|rediss?(?:\+sentinel|\+cluster)?):\/\/[^\s:/@"]*):[^\s@"]+@/g,
      '$1:[redacted]@',
    )
    .replace(/\b(sentinel_password=)[^&\s"]+/g, '$1[redacted]');
