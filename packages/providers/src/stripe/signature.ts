import { createHmac } from 'node:crypto';
import type { SignedRequest } from '@semel/core';
import Stripe from 'stripe';

/** Stripe signs every attempt anew, so a retry is never older than this. (docs.stripe.com/webhooks/signature) */
const toleranceSeconds = 300;

/**
 * `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]`, HMAC-SHA256 over `t`, a dot and the body.
 * The SDK checks header, age and signature. The HMAC is computed here over the bytes: the SDK decodes them to text and so
 * refuses bodies that are not UTF-8 or that start with a byte order mark. Future times are refused here: the SDK accepts any,
 * and a captured request with one could be replayed until then.
 */
export function verify({ body, headers, secrets, nowMs }: SignedRequest): boolean {
  const header = plainHeader(headers['stripe-signature']);
  if (header === null || body.length === 0 || isAhead(header, nowMs)) return false;
  const hmac = hmacOver(body);
  return secrets.some((secret) => {
    try {
      return signature.verifyHeader(placeholder, header, secret, toleranceSeconds, hmac, nowMs);
    } catch {
      return false;
    }
  });
}

/**
 * The header reduced to items that the SDK reads correctly: it reads `t=12x` as 12, skips the age check for `t=x`, and throws
 * on an empty `v1` even if a valid one follows. Null if there is no valid time.
 */
function plainHeader(header: string | string[] | undefined): string | null {
  if (typeof header !== 'string') return null;
  const items = header.split(',');
  const times = items.filter((item) => item.startsWith('t='));
  if (times.length !== 1 || !/^t=\d{1,12}$/.test(times[0] ?? '')) return null;
  return [times[0], ...items.filter((item) => /^v1=[0-9a-f]{64}$/.test(item))].join(',');
}

/** The same limit as the SDK's for the past: 300 s are accepted, 301 s are not. */
const isAhead = (plain: string, nowMs: number): boolean =>
  Number(/^t=(\d+)/.exec(plain)?.[1]) - Math.floor(nowMs / 1000) > toleranceSeconds;

const signature = Stripe.webhooks.signature as NonNullable<typeof Stripe.webhooks.signature>;
const placeholder = '-';

function hmacOver(body: Buffer) {
  const computeHMACSignature = (content: string, secret: string): string =>
    createHmac('sha256', secret)
      .update(content.slice(0, -placeholder.length)) // the time and the dot
      .update(body)
      .digest('hex');
  const notUsed = () => Promise.reject(new Error('Webhook signatures are verified synchronously'));
  return { computeHMACSignature, computeHMACSignatureAsync: notUsed, computeSHA256Async: notUsed };
}
