import type { Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import fc from 'fast-check';
import { WebhooksHelper } from 'square';
import Stripe from 'stripe';
import t from 'tap';
import webhooks from 'twilio/lib/webhooks/webhooks.js';

const [stripe, square, twilio] = ['stripe', 'square', 'twilio'].map(
  (name) => providerNamed(name) as Provider,
) as [Provider, Provider, Provider];
const secret = fc.stringMatching(/^[A-Za-z0-9_]{8,40}$/);
const wellFormed = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 });
const url = 'https://hooks.example.com/webhooks/ep_1';

/** Changes one character in about half of the cases. */
const tampered = fc.record({ at: fc.nat(400), by: fc.constantFrom('a', '0', 'ß', '=', '&', '') });
const tamper = (text: string, { at, by }: { at: number; by: string }) =>
  at % 2 === 0 ? text : text.slice(0, at % (text.length + 1)) + by + text.slice((at % (text.length + 1)) + 1);

t.test('Stripe: the SDK and the verifier agree', async (t) => {
  const items = fc.shuffledSubarray(['v1', 'wrong', 'v0', 'x=1', 'v1=00', ' v1=1'], { minLength: 1 });
  const property = fc.property(
    wellFormed,
    secret,
    items,
    tampered,
    fc.integer({ min: -400, max: 400 }),
    (...given) => {
      const [payload, key, parts, change, age] = given;
      const seconds = 1_700_000_000;
      const signed = Stripe.webhooks.generateTestHeaderString({ payload, secret: key, timestamp: seconds });
      const signature = signed.slice(signed.indexOf('v1=') + 3);
      const header = [`t=${seconds}`, ...parts]
        .map((part) => (part === 'v1' || part === 'v0' ? `${part}=${signature}` : part))
        .map((part) => (part === 'wrong' ? `v1=${'0'.repeat(64)}` : part))
        .join(',');
      // The SDK removes a byte order mark first.
      const sent = tamper(payload, change).replace(/^\ufeff/, '') || '-';
      const nowMs = (seconds + age) * 1000;
      const bySdk = noThrow(
        () => Stripe.webhooks.signature?.verifyHeader(sent, header, key, 300, undefined, nowMs) === true,
      );
      const headers = { 'stripe-signature': header };
      // The SDK accepts any future timestamp.
      const due = bySdk && age >= -300;
      return stripe.verify({ body: Buffer.from(sent), headers, url, secrets: [key], nowMs }) === due;
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2000 }));
});

t.test('Square: the SDK and the verifier agree', async (t) => {
  const property = fc.asyncProperty(wellFormed, secret, tampered, async (payload, key, change) => {
    const delivery = { channel: null, headers: {}, body: Buffer.from(payload) };
    const { headers } = square.sign(delivery, { url, secret: key, nowMs: 0 });
    const sent = tamper(payload, change);
    const bySdk = await WebhooksHelper.verifySignature({
      requestBody: sent,
      signatureHeader: headers['x-square-hmacsha256-signature'] ?? '',
      signatureKey: key,
      notificationUrl: url,
    });
    if (sent === payload && !bySdk) return false;
    return square.verify({ body: Buffer.from(sent), headers, url, secrets: [key], nowMs: 0 }) === bySdk;
  });
  await t.resolves(fc.assert(property, { numRuns: 1000 }));
});

t.test('Twilio: the SDK and the verifier agree for any fields', async (t) => {
  const fields = fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 20 }), wellFormed), {
    maxLength: 12,
  });
  const property = fc.property(fields, secret, tampered, (pairs, key, change) => {
    const payload = new URLSearchParams(pairs).toString();
    const delivery = { channel: 'status', headers: {}, body: Buffer.from(payload) };
    const { headers } = twilio.sign(delivery, { url, secret: key, nowMs: 0 });
    const sent = tamper(payload, change);
    const params = groupFields(new URLSearchParams(sent));
    const bySdk = webhooks.validateRequest(key, headers['x-twilio-signature'] ?? '', url, params);
    if (sent === payload && !bySdk) return false;
    return twilio.verify({ body: Buffer.from(sent), headers, url, secrets: [key], nowMs: 0 }) === bySdk;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2000 }));
});

function noThrow(judge: () => boolean): boolean {
  try {
    return judge();
  } catch {
    return false;
  }
}

function groupFields(search: URLSearchParams): Record<string, string[]> {
  const params: Record<string, string[]> = Object.create(null);
  for (const name of search.keys()) params[name] = search.getAll(name);
  return params;
}
