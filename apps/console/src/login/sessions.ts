import { createHmac, timingSafeEqual } from 'node:crypto';
import type { EncryptionKey } from '@semel/database';

export const sessionMs = 12 * 3_600_000;

export interface Sessions {
  issue(): string;
  isValid(token: string | undefined): boolean;
}

/**
 * Tokens that are good for twelve hours and say nothing but when they end. Nothing is stored: signing out only makes the
 * browser forget its token; a new CONSOLE_PASSWORD or SEMEL_ENCRYPTION_KEY ends every session.
 */
export function sessionsOf(encryptionKey: EncryptionKey, password: string, now: () => number): Sessions {
  const key = createHmac('sha256', encryptionKey.bytes).update(`semel console session ${password}`).digest();
  const mac = (expires: string) => createHmac('sha256', key).update(expires).digest();
  return {
    issue() {
      const expires = String(now() + sessionMs);
      return `${expires}.${mac(expires).toString('base64url')}`;
    },
    isValid(token) {
      const [, expires = '', signature = ''] = /^(\d{1,15})\.([\w-]{43})$/.exec(token ?? '') ?? [];
      if (expires === '') return false;
      return timingSafeEqual(mac(expires), Buffer.from(signature, 'base64url')) && Number(expires) > now();
    },
  };
}
