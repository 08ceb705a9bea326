import { randomInt } from 'node:crypto';
import { AdminError } from './admin-error.js';
import type { Providers } from './providers.js';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** 131 random bits, so that keys can't be guessed. */
export const newEndpointKey = (): string =>
  Array.from({ length: 22 }, () => alphabet[randomInt(alphabet.length)]).join('');

/** A key must be a single path segment. */
export function checkKey(key: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(key)) return key;
  throw new AdminError(
    'input_invalid',
    `"${key}" can't be a key`,
    'use up to 64 letters, digits, "-" and "_"',
  );
}

/** Trims the secrets: white space around them comes from copying. Throws if one can't be a secret of the provider. */
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

/** The address that providers call, without the path. The trailing slash is removed, because paths are appended. */
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
