import { createHmac } from 'node:crypto';
import type { Provider } from '@semel/core';
import { providerNamed, providers } from '@semel/providers';
import fc from 'fast-check';
import t from 'tap';
import { wrongSecrets } from './wrong-secrets.js';

// A secret that can never verify is refused when it is set, instead of failing every delivery with 401.

for (const provider of providers) {
  t.test(`${provider.title}: an unusable secret is refused, with the reason`, async (t) => {
    const wrong = wrongSecrets[provider.name] ?? [];
    t.ok(wrong.length > 10);
    for (const [names, secret] of wrong) {
      const { message = '', advice = '' } = provider.refuseSecret?.(secret) ?? {};
      t.match(message, names);
      t.match(message, /^This (is|has|does) [^.]+$/, 'what it is');
      t.match(advice, /^copy [^.]+$/, 'where the right one is');
      const unquoted = message.replace('"-----BEGIN …"', '');
      for (let at = 0; at + 8 <= secret.length; at += 1)
        if (`${unquoted} ${advice}`.includes(secret.slice(at, at + 8)))
          t.fail(`the message quotes the secret: ${message}`);
    }
  });

  t.test(`${provider.title}: a secret in the provider's format is accepted`, async (t) => {
    for (let i = 0; i < 1000; i += 1) {
      const secret = provider.newSecret();
      const refusal = provider.refuseSecret?.(secret) ?? null;
      if (refusal !== null) t.fail(`${secret}: ${refusal.message}`);
    }
  });
}

/** As the providers' documentation and test suites have them. */
const good: Record<string, string[]> = {
  stripe: [
    'whsec_test_secret',
    'whsec_test_primary_32_byte_key_material',
    `whsec_${'0123456789abcdef'.repeat(4)}`, // of the Stripe CLI
    `whsec_${Buffer.alloc(32, 251).toString('base64')}`,
    'whsec_rotated-in-later',
  ],
  square: ['signature-key', 'Ibxx_5AKakO-3qeNVR61Dw', `EAAA${'x'.repeat(18)}`, '-_'.repeat(11)],
  docusign: ['hmac-key-one', Buffer.alloc(32, 251).toString('base64'), Buffer.alloc(32).toString('base64')],
  twilio: ['12345', '0123456789abcdef0123456789abcdef', 'x'],
  standard: [
    'whsec_AAAA',
    'AAAA',
    'whsec_AAAAYQ==',
    `whsec_${Buffer.alloc(24).toString('base64')}`,
    'password',
  ],
};

t.test('no possibly valid secret is refused', async (t) => {
  for (const { name, refuseSecret } of providers)
    for (const secret of good[name] ?? [])
      t.equal(refuseSecret?.(secret) ?? null, null, `${name}: ${secret}`);
});

t.test('Standard Webhooks: exactly the secrets that the verifier cannot use are refused', async (t) => {
  const standard = providerNamed('standard') as Provider;
  const body = Buffer.from('{}');
  const verifies = (secret: string): boolean => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    const mac = createHmac('sha256', key).update('msg_1.0.').update(body).digest('base64');
    const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': '0', 'webhook-signature': `v1,${mac}` };
    return standard.verify({ body, headers, url: '', secrets: [secret], nowMs: 0 });
  };
  const text = fc.oneof(
    fc.base64String({ maxLength: 60 }),
    fc.base64String({ maxLength: 60 }).map((secret) => `whsec_${secret}`),
    fc.stringMatching(/^(whsec_)?[\w+/=,-]{0,20}$/),
    fc.string({ maxLength: 20 }),
  );
  const property = fc.property(
    text,
    (secret) => (standard.refuseSecret?.(secret) === null) === verifies(secret),
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 3000 }));
});
