import { providers } from '@semel/providers';
import t from 'tap';
import { waitUntil } from '../support/servers.js';
import { createWorld, mainTypeOf } from '../support/world.js';

// A signed time limits how long a captured request works: neither an old one nor one from the future may come in.

const signedAtMs = Date.UTC(2026, 8, 1, 12);
const tenYears = 10 * 365 * 86_400;

t.test('a signed time may be 300 seconds off, in both directions', async (t) => {
  let nowMs = signedAtMs;
  const world = await createWorld(t, { workers: 0, now: () => nowMs });
  const firm = await world.addFirm();

  for (const provider of providers.filter(({ name }) => name === 'stripe' || name === 'standard')) {
    const endpoint = await world.addEndpoint(provider.name, firm);
    const path = `/webhooks/${provider.name}/${endpoint.key}`;
    /** Signed anew for each try, at `signedAtMs`; the receiver's clock is `aheadSeconds` before that. */
    const statusAt = async (aheadSeconds: number): Promise<number> => {
      nowMs = signedAtMs - aheadSeconds * 1000;
      const { body, contentType } = world.buildBody(endpoint, mainTypeOf(provider).type);
      const { headers } = provider.sign(
        { channel: null, headers: { 'content-type': contentType }, body },
        { url: `https://hooks.example.test${path}`, secret: endpoint.secret, nowMs: signedAtMs },
      );
      return (await world.post({ url: world.urls[0] + path, headers, body })).status;
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
