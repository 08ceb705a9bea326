import { providers } from '@semel/providers';
import t from 'tap';
import { mainTypeOf, startHarness } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';

// A signed timestamp limits the replay of a captured request: old and future ones are refused.

const signedAtMs = Date.UTC(2026, 8, 1, 12);
const tenYears = 10 * 365 * 86_400;

t.test('a signed timestamp is accepted within 300 seconds, past and future', async (t) => {
  let nowMs = signedAtMs;
  const harness = await startHarness(t, { workers: 0, now: () => nowMs });
  const firm = await harness.addFirm();

  for (const provider of providers.filter(({ name }) => name === 'stripe' || name === 'standard')) {
    const endpoint = await harness.addEndpoint(provider.name, firm);
    const path = `/webhooks/${provider.name}/${endpoint.key}`;
    /** Signed again for each try, at `signedAtMs`; the receiver's clock is `aheadSeconds` behind that. */
    const statusAt = async (aheadSeconds: number): Promise<number> => {
      nowMs = signedAtMs - aheadSeconds * 1000;
      const { body, contentType } = harness.buildBody(endpoint, mainTypeOf(provider).type);
      const { headers } = provider.sign(
        { channel: null, headers: { 'content-type': contentType }, body },
        { url: `https://hooks.example.test${path}`, secret: endpoint.secret, nowMs: signedAtMs },
      );
      return (await harness.post({ url: harness.urls[0] + path, headers, body })).status;
    };
    await waitUntil(async () => (await statusAt(0)) === 200, { what: 'the endpoint is known' });
    for (const [aheadSeconds, status] of [
      [300, 200],
      [301, 401],
      [tenYears, 401],
      [-300, 200],
      [-301, 401],
      [-tenYears, 401],
    ] as const)
      t.equal(await statusAt(aheadSeconds), status, `${provider.name}: ${aheadSeconds} s ahead`);
  }
});
