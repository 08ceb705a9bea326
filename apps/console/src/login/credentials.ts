import type { Logger } from '@semel/telemetry';
import { createDamper } from './login-throttle.js';
import { passwordCheck } from './password.js';

export type Verdict = { right: true } | { right: false; retryAfterSeconds: number };
/** `retryAfterSeconds` 0: simply wrong; above: not even looked at. */
export type CheckCredentials = (address: string, user: string, password: string) => Verdict;

/** The one place where a password is judged, for the form and for HTTP Basic alike. */
export function credentialCheck(password: string, now: () => number, log: Logger): CheckCredentials {
  const isRight = passwordCheck(password);
  const loginThrottle = createDamper(now);
  return (address, user, given) => {
    const retryAfterSeconds = loginThrottle.waitSeconds(address);
    if (retryAfterSeconds > 0) return { right: false, retryAfterSeconds };
    if (isRight(user, given)) return { right: true };
    loginThrottle.failed(address);
    log.warn({ source: address }, 'login.failed');
    return { right: false, retryAfterSeconds: 0 };
  };
}

/** What `Authorization: Basic` says; null where it is absent or something else. */
export function parseBasic(header: string | undefined): { user: string; password: string } | null {
  const [, encoded] = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) return null;
  const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  return user === undefined || password === undefined ? null : { user, password };
}
