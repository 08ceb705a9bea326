import { createHmac } from 'node:crypto';
import type { SignedRequest } from '@semel/core';
import Stripe from 'stripe';

/** Stripe signs every attempt anew, so that a retry is never older than this. (docs.stripe.com/webhooks/signature) */
const toleranceSeconds = 300;

/**
 * `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]`, HMAC-SHA256 over `t`, a dot and the body.
 * The SDK judges header, age and signature; only the HMAC is taken over the bytes themselves, because the SDK
 * decodes them to text first, and then refuses bodies that are not UTF-8 or that start with a byte order mark.
 * A time in the future is judged here, because the SDK takes any: a captured request of that kind could be replayed until then.
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
 * Only what the SDK takes as it is meant: it reads `t=12x` as 12 and skips the age check for `t=x`, and it throws
 * on an empty `v1` even where a good one follows. Null where there is no proper time.
 */
function plainHeader(header: string | string[] | undefined): string | null {
  if (typeof header !== 'string') return null;
  const items = header.split(',');
  const times = items.filter((item) => item.startsWith('t='));
  if (times.length !== 1 || !/^t=\d{1,12}$/.test(times[0] ?? '')) return null;
  return [times[0], ...items.filter((item) => /^v1=[0-9a-f]{64}$/.test(item))].join(',');
}

/** As exact as the SDK is about the past: 300 s are taken, 301 s are not. */
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
