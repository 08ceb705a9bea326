import { createHash } from 'node:crypto';
import type { SignedRequest } from '@semel/core';
import webhooks from 'twilio/lib/webhooks/webhooks.js';
import { equalText } from '../equal-text.js';
import { parseObject } from '../json.js';
import { type Form, parseForm } from './form.js';

/**
 * `X-Twilio-Signature`: base64 of HMAC-SHA1 over the URL and the sorted fields of the form, by the SDK, which also
 * tries the URL with and without its port. (twilio.com/docs/usage/security)
 * Where the URL has `bodySHA256`, only it is signed, and the body must have that hash: the content type, which
 * nobody signs, has no say. No time is signed: the ledger is the protection from replays.
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
    return false; // the SDK throws on a URL that is none
  }
}

/**
 * The form follows on the URL without a mark, too: its first fields, an error code among them, can be moved into the query
 * of a captured request. `AccountSid` is the first that Twilio always sends. And what was signed as a form of several
 * fields must not be read as JSON.
 */
const isMoved = (url: string, body: Buffer, params: Form): boolean =>
  (url.includes('AccountSid') && !Object.hasOwn(params, 'AccountSid')) ||
  (body[0] === 0x7b && Object.keys(params).length > 1 && parseObject(body) !== null);
