import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startHarness, type TestEndpoint } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';

// A thin event of Stripe names its account in `context`. It has no object, so it is recorded and changes nothing.

t.test("a thin event is found its account's firm", async (t) => {
  const harness = await startHarness(t);
  const [firm, other] = [await harness.addFirm(), await harness.addFirm()];
  for (const [account, firmId] of [
    ['acct_own', firm],
    ['acct_other', other],
  ])
    await harness.sql("INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ('stripe', $1, $2)", [
      account,
      firmId,
    ]);
  const platform = await harness.addEndpoint('stripe', null);
  const own = await harness.addEndpoint('stripe', firm);

  const deliver = async (endpoint: TestEndpoint, context: string | null) => {
    const id = `evt_${randomUUID().replaceAll('-', '')}`;
    const body = Buffer.from(
      JSON.stringify({
        id,
        object: 'v2.core.event',
        type: 'v1.invoice.paid',
        livemode: false,
        created: new Date().toISOString(),
        context,
        related_object: { id: 'in_1', type: 'invoice', url: '/v1/invoices/in_1' },
      }),
    );
    const { outcome } = await harness.send(endpoint, 'invoice.paid', { body });
    return { id, outcome };
  };
  const quarantined = (id: string) =>
    waitUntil(
      async () =>
        (
          await harness.sql('SELECT firm_id, account, reason FROM webhook_quarantine WHERE event_id = $1', [
            id,
          ])
        )[0],
      { what: `${id} is in quarantine` },
    );

  for (const [endpoint, context] of [
    [platform, 'acct_own'],
    [platform, 'org_1/acct_own'],
    [own, 'acct_own'],
    [own, 'acct_that_nobody_mapped'],
    [own, null],
  ] as const) {
    const { id, outcome } = await deliver(endpoint, context);
    t.equal(outcome, 'accepted', String(context));
    const row = await harness.applied(endpoint.provider, id, 'ignored');
    t.match(row, { firm_id: firm, account: context?.split('/').at(-1) ?? null });
    t.match(await harness.attemptsOf(id), [{ outcome: 'ignored' }]);
  }
  t.same(await harness.sql('SELECT 1 FROM finance_invoices'), [], 'it moves nothing until it is fetched');

  for (const [endpoint, context, reason, firmId] of [
    [own, 'acct_other', 'account_foreign', firm],
    [own, 'org_1/acct_other', 'account_foreign', firm],
    [platform, 'acct_nobodys', 'account_unknown', null],
    [platform, 'org_1', 'account_unknown', null],
    [platform, null, 'account_unknown', null],
  ] as const) {
    const { id, outcome } = await deliver(endpoint, context);
    t.equal(outcome, 'quarantined', String(context));
    t.match(await quarantined(id), { reason, firm_id: firmId });
  }
});
