import { createHmac } from 'node:crypto';
import type { SignedRequest } from '@semel/core';
import { equalText } from '../equal-text.js';

/**
 * `x-square-hmacsha256-signature`: base64 of HMAC-SHA256 over the notification URL, as it was registered, and the
 * body; the key is the text as shown, not decoded. (developer.squareup.com/docs/webhooks/step3validate)
 * The SDK's WebhooksHelper is not used: it compares with `===` and returns a promise, which is truthy if not awaited.
 * `x-square-signature` (SHA-1) is never accepted. No time is signed; the ledger protects from replays.
 */
export function verify({ body, headers, url, secrets }: SignedRequest): boolean {
  const given = headers['x-square-hmacsha256-signature'];
  if (typeof given !== 'string' || given === '' || url === '') return false;
  return secrets.some(
    (secret) =>
      secret !== '' &&
      equalText(given, createHmac('sha256', secret).update(url).update(body).digest('base64')),
  );
}
