import type { Headers, Provider, Sample } from '@semel/core';
import { providers } from '@semel/providers';
import t from 'tap';
import { signatureHeaderOf } from '../../support/identity-of.js';
import { requestOf } from './deliveries.js';

const flip = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
};
const flipText = (text: string, at: number) => flip(Buffer.from(text), at).toString('latin1');

/** True if the URL is signed. */
function signsUrl(provider: Provider): boolean {
  const request = requestOf(provider, provider.samples[0] as Sample);
  return !provider.verify({ ...request, url: 'https://other.example.com/' });
}

for (const provider of providers) {
  const signedUrl = signsUrl(provider);
  const name = signatureHeaderOf(provider);

  t.test(`${provider.title}: changing any byte of a signed request breaks its signature`, async (t) => {
    for (const sample of provider.samples.slice(0, 2).concat(provider.samples.slice(-1))) {
      const request = requestOf(provider, sample);
      const header = String(request.headers[name]);
      t.ok(provider.verify(request), `${sample.type} is authentic`);
      const passed: string[] = [];
      for (let at = 0; at < request.body.length; at += 1)
        if (provider.verify({ ...request, body: flip(request.body, at) })) passed.push(`body ${at}`);
      for (let at = 0; at < header.length; at += 1)
        if (provider.verify({ ...request, headers: { ...request.headers, [name]: flipText(header, at) } }))
          passed.push(`header ${at}`);
      for (let at = 0; signedUrl && at < request.url.length; at += 1)
        if (provider.verify({ ...request, url: flipText(request.url, at) })) passed.push(`url ${at}`);
      t.same(passed, [], `${sample.type}: no change goes unnoticed`);
      for (const body of [request.body.subarray(1), request.body.subarray(0, -1), Buffer.alloc(0)])
        t.notOk(provider.verify({ ...request, body }), 'a body that is cut');
      t.notOk(provider.verify({ ...request, body: Buffer.concat([request.body, Buffer.from('x')]) }));
      t.notOk(provider.verify({ ...request, secrets: [provider.newSecret()] }), 'another secret');
    }
  });

  t.test(`${provider.title}: no header makes the verifier throw or pass`, async (t) => {
    const request = requestOf(provider, provider.samples[0] as never);
    const good = String(request.headers[name]);
    const odd = ['', ' ', ',', '=', 't=', 'v1', 't=1,v1', 'é'.repeat(44), '\u0000', 'x'.repeat(100_000)];
    const values: (string | string[] | undefined)[] = [
      undefined,
      [],
      [good, good],
      `.${good}`,
      `${good}.`,
      ...odd,
    ];
    for (const value of values) {
      const headers: Headers = { ...request.headers, [name]: value };
      t.equal(
        provider.verify({ ...request, headers }),
        false,
        JSON.stringify(value)?.slice(0, 40) ?? 'absent',
      );
    }
    t.equal(provider.verify({ ...request, headers: {} }), false, 'no headers');
    t.equal(provider.verify({ ...request, secrets: [] }), false, 'no secrets');
    for (const url of ['', '/', 'https://', '%'])
      t.equal(
        provider.verify({ ...request, url, headers: { ...request.headers, [name]: 'x' } }),
        false,
        `URL ${url}`,
      );
  });
}
