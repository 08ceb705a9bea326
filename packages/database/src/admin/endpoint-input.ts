import { randomInt } from 'node:crypto';
import { AdminError } from './admin-error.js';
import type { Providers } from './providers.js';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** 131 bits: nobody finds an endpoint by trying. */
export const newEndpointKey = (): string =>
  Array.from({ length: 22 }, () => alphabet[randomInt(alphabet.length)]).join('');

/** A key is one segment of a path. */
export function checkKey(key: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(key)) return key;
  throw new AdminError(
    'input_invalid',
    `"${key}" can't be a key`,
    'use up to 64 letters, digits, "-" and "_"',
  );
}

/** Without the white space around them, which is part of no secret and comes along when one is copied. */
export function checkSecrets(
  secrets: readonly string[],
  provider: Pick<Providers[number], 'refuseSecret'>,
): string[] {
  const given = secrets.map((secret) => secret.trim()).filter((secret) => secret !== '');
  if (given.length === 0 || given.length < secrets.length)
    throw new AdminError(
      'secret_missing',
      'An endpoint needs a secret that is not empty',
      'give the one that the provider shows',
    );
  for (const [index, secret] of given.entries()) {
    const refusal = provider.refuseSecret?.(secret) ?? null;
    if (refusal === null) continue;
    const which = given.length === 1 ? '' : `Secret ${index + 1} of ${given.length}: `;
    throw new AdminError('input_invalid', which + refusal.message, refusal.advice);
  }
  return given;
}

export function checkAccounts(accounts: readonly string[]): string[] {
  for (const account of accounts) checkAccount(account);
  return [...new Set(accounts)];
}

export function checkAccount(account: string): string {
  if (account.trim() !== '' && !account.includes('\0') && Buffer.byteLength(account) <= 255) return account;
  throw new AdminError(
    'input_invalid',
    "An account is the provider's id of it: not empty, at most 255 bytes",
    "look it up in the provider's settings",
  );
}

export function checkMode(mode: string | null): 'live' | 'test' | null {
  if (mode === null || mode === 'live' || mode === 'test') return mode;
  throw new AdminError(
    'mode_invalid',
    `"${mode}" is not a mode`,
    'use "live" or "test", or leave it out to accept both',
  );
}

/** What providers call, without the path: kept without its trailing slash, since paths are appended to it. */
export function checkPublicUrl(publicUrl: string | null): string | null {
  if (publicUrl === null) return null;
  const url = URL.canParse(publicUrl) ? new URL(publicUrl) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '')
    return publicUrl.replace(/\/+$/, '');
  throw new AdminError(
    'input_invalid',
    `"${publicUrl}" is not a public URL`,
    'give the http(s) address that the provider calls, up to the path of the webhook',
  );
}
