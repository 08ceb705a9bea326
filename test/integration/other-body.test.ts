import t from 'tap';
import { startHarness } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';
import { openTestAdmin } from '../support/test-admin.js';

// Dashboards send every test event with one fixed id. The second one is a duplicate by its id; the log must say that
// its body was not applied.

t.test('a duplicate with another body is reported as a duplicate that differs', async (t) => {
  const harness = await startHarness(t);
  const firm = await harness.addFirm();
  const admin = openTestAdmin(t, harness.database);

  const cases = [
    { name: 'stripe', type: 'invoice.paid', id: 'evt_00000000000000', differs: true },
    { name: 'square', type: 'payment.updated', id: '00000000-0000-0000-0000-000000000000', differs: true },
    { name: 'stripe', type: 'invoice.paid', id: 'evt_same', differs: false },
    // `retryCount` is part of the body, and differs between attempts.
    { name: 'docusign', type: 'envelope-sent', id: 'envelope-1', differs: false },
  ];
  for (const { name, type, id, differs } of cases)
    await t.test(`${name} ${id}`, async (t) => {
      const endpoint = await harness.addEndpoint(name, firm);
      const build = (attempt: number) => {
        const ids = { stripe: { id }, square: { event_id: id }, docusign: {} }[name];
        const retry =
          name === 'docusign'
            ? { retryCount: attempt, generatedDateTime: '2026-01-15T12:00:00.0000000Z' }
            : {};
        const object = differs ? { note: `attempt ${attempt}` } : {};
        const fixed = { id: `object-${id}` };
        return harness.buildBody(endpoint, type, {
          overrides: { ...fixed, ...object, $event: { ...ids, ...retry } },
        }).body;
      };
      const [first, second] = differs || name === 'docusign' ? [build(0), build(1)] : [build(0), null];
      const { eventId, outcome } = await harness.send(endpoint, type, { body: first });
      t.equal(outcome, 'accepted');
      await harness.applied(endpoint.provider, eventId);
      const again = await harness.send(endpoint, type, { body: second ?? first });
      t.match(again, { status: 200, outcome: 'duplicate', eventId });
      await waitUntil(
        async () => (await harness.applied(endpoint.provider, eventId)).duplicate_count === '1',
        {
          what: 'the ledger row knows of its duplicate',
        },
      );
      const said = harness.logs.filter(
        ({ msg, eventId: of }) => msg === 'duplicate.bodyDiffered' && of === eventId,
      );
      t.equal(said.length, differs ? 1 : 0);
      const { hints } = await admin.events.show(name, eventId);
      t.equal(hints.length, differs ? 1 : 0);
      if (differs) t.match(hints[0], /had another body, which was not applied/);
      const raw = (await harness.applied(endpoint.provider, eventId)).event_raw as Buffer;
      t.ok(raw.equals(first), 'the first one is kept');
    });
});
