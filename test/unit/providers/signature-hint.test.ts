import type { Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import t from 'tap';

const twilio = providerNamed('twilio') as Provider;
const base = 'https://hooks.example.com/webhooks/twilio/ep_1/status';
const hintOf = (url: string) =>
  twilio.signatureHint?.({ url, body: Buffer.from('Body=private'), headers: {}, nowMs: 0 }) ?? null;

t.test('Twilio: the hint mentions a query in the URL, and quotes none of it', async (t) => {
  for (const query of ['?tenant=t%40x', '?b=1&a=2', '?x', '?bodySHA256=00&who=t%40x', '??', '?a?b'])
    t.match(hintOf(base + query), /^The URL has a query.+without a query/, query);
  t.notMatch(hintOf(`${base}?tenant=t%40x`), /tenant|t%40x|private/);
});

t.test('Twilio: without a query in the registered URL there is no hint', async (t) => {
  for (const query of ['', '?', '?&', `?bodySHA256=${'0'.repeat(64)}`])
    t.equal(hintOf(base + query), null, query);
});
