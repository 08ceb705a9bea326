import { createHmac } from 'node:crypto';
import type { SignedRequest } from '@semel/core';
import { equalText } from '../equal-text.js';
import { signedHeadersOf } from './signed-headers.js';

/** The specification leaves this to the receiver; its libraries allow 5 minutes in both directions. */
const toleranceSeconds = 300;

/**
 * `webhook-signature: v1,<base64>[ v1,<base64>…]`: HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`, with the
 * bytes encoded in base64 after `whsec_`. (github.com/standard-webhooks/standard-webhooks, spec 1.0.0)
 * Svix sends the same under its own names: `svix-id`, `svix-timestamp`, `svix-signature`.
 * The library is not used: it decodes the body to text and parses it. `v1a` (ed25519) is not accepted.
 */
export function verify({ body, headers, secrets, nowMs }: SignedRequest): boolean {
  const signed = signedHeadersOf(headers);
  if (signed === null) return false;
  const { id, timestamp } = signed;
  if (!/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(Math.floor(nowMs / 1000) - Number(timestamp)) > toleranceSeconds) return false;
  const signatures = signed.signature.split(' ').filter((item) => item.startsWith('v1,'));
  return secrets.some((secret) => {
    const key = keyOf(secret);
    if (key === null) return false;
    const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
    return signatures.filter((item) => equalText(item, `v1,${expected}`)).length > 0;
  });
}

/** The key bytes; the prefix is optional. Null if it is not base64: Node would skip the invalid characters. */
export function keyOf(secret: string): Buffer | null {
  const text = secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : secret;
  return /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
    ? Buffer.from(text, 'base64')
    : null;
}
