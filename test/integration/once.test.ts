import { providers } from '@semel/providers';
import t from 'tap';
import { identityOf, mainTypeOf, startHarness } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';

t.test('each event changes the data once', async (t) => {
  const harness = await startHarness(t);
  const firm = await harness.addFirm();

  for (const provider of providers) {
    const { type, outcome, tables, links } = mainTypeOf(provider);
    t.test(`${provider.name}: a new event, then its duplicate`, async (t) => {
      const endpoint = await harness.addEndpoint(provider.name, firm);
      const { body } = harness.buildBody(endpoint, type);
      const first = await harness.send(endpoint, type, { body });
      t.equal(first.status, 200);
      t.equal(first.outcome, 'accepted');
      const { eventId } = identityOf(provider, body, mainChannel(provider, type), endpoint);

      const row = await harness.applied(provider, eventId);
      t.equal(row.firm_id, firm);
      t.same(row.event_raw, body, 'the exact bytes are kept');
      t.equal(row.idempotency_key, `${provider.name}:${eventId}`);
      for (const link of links) t.ok(row[link], `linked by ${link}`);
      for (const table of tables) {
        const rows = await harness.sql(`SELECT * FROM ${table} WHERE firm_id = $1 AND provider = $2`, [
          firm,
          provider.name,
        ]);
        t.equal(rows.length, 1, `one row in ${table}`);
      }
      const before = await harness.sql('SELECT * FROM domain_changes WHERE event_id = $1', [eventId]);
      t.equal(before.length > 0, outcome === 'applied', 'what changed is written down');

      const again = await harness.send(endpoint, type, { body });
      t.equal(again.status, 200);
      t.equal(again.outcome, 'duplicate');
      t.equal(await harness.metric(`${provider.name}_webhook_duplicate`), 1, 'counted once');
      t.ok(
        harness.logs.some(
          ({ msg }) => msg === `Duplicate ${provider.name} webhook event received: ${eventId}`,
        ),
        'logged in the words that operators search for',
      );
      const delivery = await waitUntil(
        async () => (await harness.sql('SELECT * FROM webhook_deliveries WHERE event_id = $1', [eventId]))[0],
        { what: 'the duplicate is in webhook_deliveries' },
      );
      t.match(delivery, { outcome: 'duplicate', count: '1', firm_id: firm, endpoint_id: endpoint.id });
      await waitUntil(async () => (await harness.applied(provider, eventId)).duplicate_count === '1', {
        what: 'the ledger row knows of its duplicate',
      });
      t.same(
        await harness.sql('SELECT * FROM domain_changes WHERE event_id = $1', [eventId]),
        before,
        'nothing changed',
      );
      t.same(await harness.attemptsOf(eventId), [{ outcome, error: null }], 'one final attempt');
    });
  }
});

const mainChannel = (provider: (typeof providers)[number], type: string) =>
  provider.samples.find((sample) => sample.type === type)?.channel ?? null;
