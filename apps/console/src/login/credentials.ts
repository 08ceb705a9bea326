import type { Logger } from '@semel/telemetry';
import { createLoginThrottle } from './login-throttle.js';
import { createPasswordCheck } from './password.js';

export type Verdict = { right: true } | { right: false; retryAfterSeconds: number };
/** A wrong password has `retryAfterSeconds` 0; above 0 the throttle refused without checking the password. */
export type CheckCredentials = (address: string, user: string, password: string) => Verdict;

/** Checks passwords from both the form and HTTP Basic, so that both share one throttle. */
export function createCredentialCheck(password: string, now: () => number, log: Logger): CheckCredentials {
  const isRight = createPasswordCheck(password);
  const loginThrottle = createLoginThrottle(now);
  return (address, user, given) => {
    const retryAfterSeconds = loginThrottle.waitSeconds(address);
    if (retryAfterSeconds > 0) return { right: false, retryAfterSeconds };
    if (isRight(user, given)) return { right: true };
    loginThrottle.failed(address);
    log.warn({ source: address }, 'login.failed');
    return { right: false, retryAfterSeconds: 0 };
  };
}

/** Parses an `Authorization: Basic` header; null if it is missing or malformed. */
export function parseBasic(header: string | undefined): { user: string; password: string } | null {
  const [, encoded] = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) return null;
  const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  return user === undefined || password === undefined ? null : { user, password };
}
