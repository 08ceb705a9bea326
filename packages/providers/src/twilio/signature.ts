import { createHash } from 'node:crypto';
import type { SignedRequest } from '@semel/core';
import webhooks from 'twilio/lib/webhooks/webhooks.js';
import { equalText } from '../equal-text.js';
import { jsonObjectOf } from './fields.js';
import { type Form, parseForm } from './form.js';

/**
 * `X-Twilio-Signature`: base64 of HMAC-SHA1 over the URL and the sorted fields of the form. Checked by the SDK, which also
 * tries the URL with and without its port. (twilio.com/docs/usage/security)
 * If the URL has `bodySHA256`, only the URL is signed, and the body must have that hash. The content type decides nothing,
 * because it is not signed. No time is signed; the ledger protects from replays.
 */
export function verify({ body, headers, url, secrets }: SignedRequest): boolean {
  try {
    const given = headers['x-twilio-signature'];
    if (typeof given !== 'string' || given === '') return false;
    const bodyHash = url.includes('bodySHA256') ? new URL(url).searchParams.get('bodySHA256') : null;
    if (bodyHash !== null && !equalText(bodyHash, createHash('sha256').update(body).digest('hex')))
      return false;
    const params = bodyHash === null ? parseForm(body) : {};
    if (params === null || (bodyHash === null && isMoved(url, body, params))) return false;
    return secrets.some((secret) => secret !== '' && webhooks.validateRequest(secret, given, url, params));
  } catch {
    return false; // the SDK throws on an invalid URL
  }
}

/**
 * The signed text has no separator between URL and form either. So the first fields of a captured request, an error code among
 * them, can be moved into the query. `AccountSid` is the first field that Twilio always sends. A body signed as a form of
 * several fields must not be read as JSON either.
 */
const isMoved = (url: string, body: Buffer, params: Form): boolean =>
  (url.includes('AccountSid') && !Object.hasOwn(params, 'AccountSid')) ||
  (Object.keys(params).length > 1 && jsonObjectOf(body) !== null);
