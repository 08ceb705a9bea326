import { createHmac } from 'node:crypto';
import type { SignedRequest } from '@semel/core';
import { equalText } from '../equal-text.js';

const headerName = /^x-docusign-signature-([1-9]\d?|100)$/;

/**
 * `X-DocuSign-Signature-1` to `-100`, one for each active key of the account, gaps allowed: base64 of HMAC-SHA256
 * over the body. Any configured key in any of the headers is enough. (developers.docusign.com/platform/webhooks/connect/hmac)
 * The SDK has no verifier. No time is signed; the ledger protects from replays.
 */
export function verify({ body, headers, secrets }: SignedRequest): boolean {
  const given: string[] = [];
  for (const [name, value] of Object.entries(headers))
    if (typeof value === 'string' && headerName.test(name)) given.push(value);
  if (given.length === 0) return false;
  return secrets.some((secret) => {
    if (secret === '') return false;
    const expected = createHmac('sha256', secret).update(body).digest('base64');
    return given.some((signature) => equalText(signature, expected));
  });
}
