import { createHmac, timingSafeEqual } from 'node:crypto';
import type { EncryptionKey } from '@semel/database';

export const sessionMs = 12 * 3_600_000;

export interface Sessions {
  issue(): string;
  isValid(token: string | undefined): boolean;
}

/**
 * Issues tokens that hold only their expiry, twelve hours ahead. The server stores no sessions, so signing out only deletes the
 * browser's cookie; a copied token stays valid. A new CONSOLE_PASSWORD or SEMEL_ENCRYPTION_KEY ends every session.
 */
export function createSessions(encryptionKey: EncryptionKey, password: string, now: () => number): Sessions {
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
