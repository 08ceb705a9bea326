import { request as httpRequest } from 'node:http';
import t, { type Test } from 'tap';
import {
  bodyOf,
  isPrimitive,
  noConformanceData,
  readVectors,
  type SharedVector,
  verdictOf,
} from '../support/conformance-data.js';
import { startHarness, type TestEndpoint } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';

// A vector is a whole request if its signature does not cover a URL: those of Square and Twilio cover their own URLs,
// which no receiver has. test/unit/providers/signature-vectors.test.ts checks these with the verifier.

t.test(
  'each vector that is a whole request gets its expected verdict',
  { skip: noConformanceData, timeout: 120_000 },
  async (t) => {
    let nowMs = Date.now();
    const harness = await startHarness(t, { workers: 0, now: () => nowMs });
    const firm = await harness.addFirm();

    for (const name of ['stripe', 'docusign'])
      await t.test(name, async (t) => {
        const vectors = readVectors(name).filter((vector) => !isPrimitive(vector));
        t.ok(vectors.length > 5);
        for (const vector of vectors) {
          nowMs = vector.receivedAtMs ?? Date.now();
          const [first = '', ...more] = vector.secrets ?? [vector.secret ?? ''];
          const endpoint = await harness.addEndpoint(name, firm, { secret: first });
          for (const secret of more) await harness.addSecret(endpoint, secret);
          await check(t, endpoint, vector);
        }
      });

    /** Only authentic bytes that are not an event of the provider may be `malformed`. */
    async function check(t: Test, endpoint: TestEndpoint, vector: SharedVector) {
      const answer = await waitUntil(
        async () => {
          const answer = await post(
            `${harness.urls[0]}/webhooks/${endpoint.provider.name}/${endpoint.key}`,
            vector,
          );
          return answer.code === 'unknown_endpoint' ? null : answer;
        },
        { what: 'the endpoint is known' },
      );
      if (!verdictOf(vector)) {
        t.same(answer, { status: 401, code: 'signature_invalid' }, vector.name);
        return;
      }
      t.ok(
        answer.status === 200 || (answer.status === 400 && answer.code === 'malformed'),
        `${vector.name}: ${answer.status} ${answer.code}`,
      );
    }
  },
);

/** With the exact bytes: `fetch` would normalize some headers. */
function post(url: string, vector: SharedVector): Promise<{ status: number; code: string | null }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method: 'POST', headers: vector.headers ?? {} }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const { code = null } = JSON.parse(Buffer.concat(parts).toString());
        resolve({ status: response.statusCode ?? 0, code });
      });
    });
    sent.on('error', reject);
    sent.end(bodyOf(vector));
  });
}
