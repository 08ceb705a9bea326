import type { SignedRequest } from '@semel/core';
import { providers } from '@semel/providers';
import t from 'tap';
import {
  bodyOf,
  isPrimitive,
  listShared,
  noConformanceData,
  readVectors,
  type SharedVector,
  verdictOf,
} from '../../support/conformance-data.js';
import { vectors } from './vectors.js';

/** Some providers have published none. */
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
      for (const vector of readVectors(provider.name)) {
        if (isPrimitive(vector)) continue;
        const verdict = verdictOf(vector);
        t.equal(provider.verify(requestFrom(vector)), verdict, `${vector.name}: ${verdict}`);
      }
    },
  );
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
