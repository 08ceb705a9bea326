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
import { waitUntil } from '../support/servers.js';
import { createWorld, type TestEndpoint } from '../support/world.js';

// A vector is a whole request where its signature is not over an address: those of Square and Twilio are over addresses of
// their own, which no receiver has. They go through the verifier, in test/unit/providers/signature-vectors.test.ts.

t.test(
  'vectors that are whole requests get the verdict that is due',
  { skip: noConformanceData, timeout: 120_000 },
  async (t) => {
    let nowMs = Date.now();
    const world = await createWorld(t, { workers: 0, now: () => nowMs });
    const firm = await world.addFirm();

    for (const name of ['stripe', 'docusign'])
      await t.test(name, async (t) => {
        const vectors = readVectors(name).filter((vector) => !isPrimitive(vector));
        t.ok(vectors.length > 5);
        for (const vector of vectors) {
          nowMs = vector.receivedAtMs ?? Date.now();
          const [first = '', ...more] = vector.secrets ?? [vector.secret ?? ''];
          const endpoint = await world.addEndpoint(name, firm, { secret: first });
          for (const secret of more) await world.addSecret(endpoint, secret);
          await check(t, endpoint, vector);
        }
      });

    /** Authentic bytes that are no event of the provider are `malformed`; nothing else may be. */
    async function check(t: Test, endpoint: TestEndpoint, vector: SharedVector) {
      const answer = await waitUntil(
        async () => {
          const answer = await post(
            `${world.urls[0]}/webhooks/${endpoint.provider.name}/${endpoint.key}`,
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

/** As the bytes are: `fetch` would put some headers in order. */
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
