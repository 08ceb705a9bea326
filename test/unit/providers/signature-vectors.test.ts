import type { SignedRequest } from '@semel/core';
import { providers } from '@semel/providers';
import t from 'tap';
import { listShared, noConformanceData, readShared } from './deliveries.js';
import { vectors } from './vectors.js';

/** Where a vector's verdict is not ours, and why. */
const deviations: Record<string, { verdict: boolean; because: string }> = {
  'lower-case-host signature against https://MyCompany.com:1234/myapp.php?foo=1&bar=2 (C# SDK rejects)': {
    verdict: true,
    because: 'the SDK for Node also tries the URL in lower case, and the SDK is our verifier',
  },
};

/** A provider may have published none. */
const noVectors = (name: string) =>
  listShared('vectors').includes(`${name}.json`) ? false : 'the provider has no vectors there';

for (const provider of providers) {
  t.test(`${provider.title}: vectors of our own, made with another implementation`, async (t) => {
    for (const { name, expect, ...request } of vectors[provider.name] ?? [])
      t.equal(provider.verify(request), expect, name);
  });

  t.test(
    `${provider.title}: the vectors of the provider's own suites`,
    { skip: noConformanceData || noVectors(provider.name) },
    async (t) => {
      for (const vector of JSON.parse(readShared('vectors', `${provider.name}.json`)) as SharedVector[]) {
        if (vector.level?.startsWith('hmac-primitive')) continue; // not a request: the bytes have no time before them
        const verdict = deviations[vector.name]?.verdict ?? vector.expectBytesExact ?? vector.expect === true;
        t.equal(provider.verify(requestFrom(vector)), verdict, `${vector.name}: ${verdict}`);
      }
    },
  );
}

interface SharedVector {
  name: string;
  level?: string;
  expect: boolean | 'throws';
  expectBytesExact?: boolean;
  headers?: Record<string, string>;
  url?: string;
  secret?: string;
  secrets?: string[];
  body?: string;
  bodyBase64?: string;
  params?: Record<string, string | string[]>;
  receivedAtMs?: number;
}

function requestFrom(vector: SharedVector): SignedRequest {
  const headers = Object.entries(vector.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    body: bodyOf(vector),
    headers: Object.fromEntries(headers),
    url: vector.url ?? 'https://hooks.example.com/webhooks',
    secrets: vector.secrets ?? [vector.secret ?? ''],
    nowMs: vector.receivedAtMs ?? 0,
  };
}

function bodyOf({ params, body, bodyBase64 }: SharedVector): Buffer {
  if (bodyBase64 !== undefined) return Buffer.from(bodyBase64, 'base64');
  if (params === undefined) return Buffer.from(body ?? '');
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    for (const item of [value].flat()) form.append(name, item);
  return Buffer.from(form.toString());
}
