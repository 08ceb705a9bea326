import { describeError } from './describe-error.js';

/** Keys whose values are never logged, at the top level of a line or up to two objects deep. */
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
 * The fields of a line, with the values of those keys replaced. Objects without such a key are not copied, because nearly no
 * line has one. Top-level keys in `spared` are left as they are.
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
    const safe = redactedKeys.has(key) ? '[redacted]' : withoutSecrets(fields[key], levels - 1, null);
    if (safe === fields[key]) continue;
    copy ??= (Array.isArray(fields) ? [...fields] : { ...fields }) as Fields;
    copy[key] = safe;
  }
  return copy ?? fields;
}

type Fields = Record<string, unknown>;

/** `+15551234567` → `+*********67`: two numbers can be told apart, but neither can be called. */
export const maskPhone = (number: string): string =>
  number.replace(/^(\+?)(\d+)(\d{2})$/, (_, plus: string, hidden: string, last: string) => {
    return plus + '*'.repeat(hidden.length) + last;
  });

/** Redacts secrets inside the texts of a whole line, such as error messages. Names and addresses are not recognised. */
export const scrubLine = (line: string): string =>
  line
    .replace(/\+\d{7,15}\b/g, maskPhone)
    .replace(/("[\w-]*signature[\w-]*":)"(?:[^"\\]|\\.)*"/gi, '$1"[redacted]"') // the signature header of any provider
    .replace(/\bwhsec_[\w+/=-]+/g, 'whsec_[redacted]')
    .replace(
      /(\b(?:postgres|postgresql|rediss?(?:\+sentinel|\+cluster)?):\/\/[^\s:/@"]*):[^\s@"]+@/g,
      '$1:[redacted]@',
    )
    .replace(/\b(sentinel_password=)[^&\s"]+/g, '$1[redacted]');
