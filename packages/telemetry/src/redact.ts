/** Keys whose values never reach a log, at the top of a line or up to two objects deep. */
export const redactedKeys = [
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
  '["set-cookie"]',
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
] as const;

const below = (depth: string, key: string) => (key.startsWith('[') ? `${depth}${key}` : `${depth}.${key}`);

export const redactPaths: string[] = redactedKeys.flatMap((key) => [key, below('*', key), below('*.*', key)]);

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
