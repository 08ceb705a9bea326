import { randomBytes } from 'node:crypto';
import type { Sample } from '@semel/core';
import { asObject } from './json.js';

export type BuildOptions = Parameters<Sample['build']>[0];

/** Random letters and digits, as in the providers' ids. */
export function randomText(length: number, alphabet = letters): string {
  let text = '';
  for (const byte of randomBytes(length)) text += alphabet[byte % alphabet.length];
  return text;
}

const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
export const upperAlphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
export const hexAlphabet = '0123456789abcdef';

/** In a sample's overrides, `$event` is merged over the envelope around the object, everything else over the object. */
export function splitOverrides(overrides: Record<string, unknown> | undefined) {
  const { $event, ...object } = overrides ?? {};
  return { envelope: asObject($event) ?? {}, object };
}

/** A member whose value is `undefined` is left out. */
export const jsonBody = (value: unknown) => ({
  body: Buffer.from(JSON.stringify(value)),
  contentType: 'application/json',
});
