import { randomUUID } from 'node:crypto';
import type { Provider, Sample } from '@semel/core';
import { providers } from '@semel/providers';
import { claimKey, queueKey } from '@semel/queue';
import t, { type Test } from 'tap';
import { forget } from '../support/forget.js';
import { type Harness, identityOf, mainTypeOf, startHarness, type TestEndpoint } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';

// An event id belongs to the firm that signed it first. Another firm's event with the same id is quarantined, and
// reported.

/** In the provider's format, if that matters. */
const newAccount: Record<string, () => string> = {
  stripe: () => `acct_${randomUUID().replaceAll('-', '').slice(0, 16)}`,
  square: () => `ML${randomUUID().replaceAll('-', '').slice(0, 11).toUpperCase()}`,
  docusign: () => randomUUID(),
  twilio: () => `AC${randomUUID().replaceAll('-', '')}`,
};

const quarantined = (harness: Harness, eventId: string) =>
  harness.sql<{ firm_id: string | null; reason: string; endpoint_id: string; event_raw: Buffer }>(
    'SELECT firm_id, reason, endpoint_id, event_raw FROM webhook_quarantine WHERE event_id = $1',
    [eventId],
  );

/** Asserts one quarantine row with the bytes, no change of the firm's data, and an alert for operators. */
async function assertSetAside(
  t: Test,
  harness: Harness,
  set: { endpoint: TestEndpoint; eventId: string; body: Buffer; reason: string; firmId: string | null },
) {
  const { endpoint, eventId, body, reason, firmId } = set;
  const [row, ...more] = await waitUntil(
    async () => {
      const rows = await quarantined(harness, eventId);
      return rows.length > 0 ? rows : null;
    },
    { what: `${eventId} is in quarantine` },
  );
  t.equal(more.length, 0, 'one row');
  t.match(row, { reason, firm_id: firmId, endpoint_id: endpoint.id });
  t.ok(row?.event_raw.equals(body), 'the exact bytes');
  if (firmId !== null) {
    const changes = await harness.sql('SELECT 1 FROM domain_changes WHERE event_id = $1 AND firm_id = $2', [
      eventId,
      firmId,
    ]);
    t.equal(changes.length, 0, "it changed nothing of the firm's");
    const attempts = await harness.sql(
      'SELECT 1 FROM webhook_attempts WHERE event_id = $1 AND firm_id = $2',
      [eventId, firmId],
    );
    t.equal(attempts.length, 0, 'it was not applied');
    const duplicates = await harness.sql(
      `SELECT 1 FROM webhook_deliveries WHERE event_id = $1 AND firm_id = $2 AND outcome = 'duplicate'`,
      [eventId, firmId],
    );
    t.equal(duplicates.length, 0, 'nor called a duplicate');
  }
  // The worker logs and counts it after its commit.
  t.ok(
    await waitUntil(
      () =>
        harness.logs.some(
          (line) => line.eventId === eventId && line.outcome === 'quarantined' && line.level === 'warn',
        ),
      { what: 'an alert says so' },
    ),
  );
}

async function assertAppliedFor(
  t: Test,
  harness: Harness,
  endpoint: TestEndpoint,
  firmId: string,
  eventId: string,
) {
  const row = await harness.applied(endpoint.provider, eventId);
  t.match(row, { firm_id: firmId, endpoint_id: endpoint.id });
  for (const table of mainTypeOf(endpoint.provider).tables)
    t.ok((await harness.sql(`SELECT 1 FROM ${table} WHERE firm_id = $1`, [firmId])).length > 0, table);
  t.same(
    await harness.sql('SELECT firm_id, outcome FROM webhook_attempts WHERE event_id = $1', [eventId]),
    [{ firm_id: firmId, outcome: mainTypeOf(endpoint.provider).outcome }],
    'applied once, for the firm that signed it',
  );
}

/** Those whose ids two firms can share: the others' ids have the endpoint in them. */
const globalProviders = providers.filter(({ idScope }) => idScope === undefined);

t.test('an event id signed by two firms belongs to the first', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const waiting: ((t: Test) => Promise<void>)[] = [];

  /** The same bytes, signed by two firms, in both orders of the firms' ids. */
  async function makePair(provider: Provider, order: 'a first' | 'b first') {
    const firms = [await harness.addFirm(), await harness.addFirm()].sort();
    if (order === 'b first') firms.reverse();
    const [first, second] = [
      await harness.addEndpoint(provider.name, firms[0] as string),
      await harness.addEndpoint(provider.name, firms[1] as string),
    ];
    const { body, channel } = harness.buildBody(first, mainTypeOf(provider).type);
    const { eventId } = identityOf(provider, body, channel, first);
    const deliver = async (endpoint: TestEndpoint) =>
      (await harness.send(endpoint, mainTypeOf(provider).type, { body })).outcome;
    const duplicates = () => harness.metric(`${provider.name}_webhook_duplicate`);
    const assertBoth = async (t: Test) => {
      await assertAppliedFor(t, harness, first, first.firmId as string, eventId);
      const { firmId } = second;
      await assertSetAside(t, harness, {
        endpoint: second,
        eventId,
        body,
        reason: 'owner_collision',
        firmId,
      });
    };
    return { first, second, body, eventId, deliver, duplicates, assertBoth };
  }

  for (const provider of globalProviders)
    for (const order of ['a first', 'b first'] as const) {
      t.test(`${provider.name}, ${order}: the claim finds the collision, twice`, async (t) => {
        const { first, second, eventId, deliver, duplicates, assertBoth } = await makePair(provider, order);
        t.equal(await deliver(first), 'accepted');
        const before = await duplicates();
        t.equal(await deliver(second), 'quarantined');
        t.equal(await deliver(second), 'quarantined', 'again');
        t.equal(await duplicates(), before, 'no duplicate was counted');
        t.equal(await deliver(first), 'duplicate', 'the first has its own');
        t.equal((await quarantined(harness, eventId)).length, 1, 'no second row');
        waiting.push(assertBoth);
      });

      t.test(`${provider.name}, ${order}: the waiting job finds the collision`, async (t) => {
        const { first, second, eventId, deliver, duplicates, assertBoth } = await makePair(provider, order);
        t.equal(await deliver(first), 'accepted');
        await harness.redis.del(claimKey(provider.name, eventId));
        const before = await duplicates();
        t.equal(await deliver(second), 'quarantined');
        t.equal(await duplicates(), before, 'no duplicate was counted');
        t.equal(await deliver(first), 'duplicate', 'the first has its own');
        waiting.push(assertBoth);
      });

      t.test(`${provider.name}, ${order}: the collision with a half-accepted event`, async (t) => {
        const { first, second, eventId, deliver, assertBoth } = await makePair(provider, order);
        await harness.redis.set(claimKey(provider.name, eventId), `pending|${first.firmId}`, 'PX', 60_000);
        t.equal(await deliver(second), 'quarantined');
        t.equal(await deliver(first), 'duplicate');
        waiting.push(assertBoth);
      });
    }

  t.test('once a worker runs, each event is applied for the first firm only', async (t) => {
    await harness.startWorker();
    for (const assertBoth of waiting) await assertBoth(t);
    t.equal(waiting.length, 6 * globalProviders.length);
  });

  for (const provider of globalProviders)
    for (const order of ['a first', 'b first'] as const) {
      const isCompleted = (eventId: string) =>
        waitUntil(
          async () => (await harness.redis.zscore(queueKey(provider.name, 'completed'), eventId)) !== null,
          {
            what: 'the job is completed',
          },
        );

      t.test(`${provider.name}, ${order}: the completed job finds the collision`, async (t) => {
        const { first, second, eventId, deliver, assertBoth } = await makePair(provider, order);
        t.equal(await deliver(first), 'accepted');
        await isCompleted(eventId);
        t.equal(await deliver(second), 'quarantined', 'by the claim that is done');
        await harness.redis.del(claimKey(provider.name, eventId));
        t.equal(await deliver(second), 'quarantined', 'by the job');
        await assertBoth(t);
      });

      t.test(`${provider.name}, ${order}: the ledger finds the collision`, async (t) => {
        const { first, second, eventId, deliver, duplicates, assertBoth } = await makePair(provider, order);
        t.equal(await deliver(first), 'accepted');
        await isCompleted(eventId);
        await forget(harness, provider, eventId);
        const before = await duplicates();
        t.equal(await deliver(second), 'accepted', 'the receiver can not know');
        await assertBoth(t);
        t.equal(await duplicates(), before, 'no duplicate was counted');
        await deliver(first); // any answer is fine: there is no second effect
        await assertAppliedFor(t, harness, first, first.firmId as string, eventId);
      });
    }

  t.test(
    'stripe: the ledger finds the collision of a large body: quarantine has its bytes, and no copy is left',
    async (t) => {
      const provider = providers.find(({ name }) => name === 'stripe') as Provider;
      const [first, second] = [
        await harness.addEndpoint('stripe', await harness.addFirm()),
        await harness.addEndpoint('stripe', await harness.addFirm()),
      ];
      const { body } = harness.buildBody(first, 'invoice.paid', {
        overrides: { padding: 'x'.repeat(100_000) },
      });
      const { eventId } = await harness.send(first, 'invoice.paid', { body });
      await harness.applied(provider, eventId);
      await forget(harness, provider, eventId);
      await harness.send(second, 'invoice.paid', { body });
      const { firmId } = second;
      await assertSetAside(t, harness, {
        endpoint: second,
        eventId,
        body,
        reason: 'owner_collision',
        firmId,
      });
      t.same(await harness.sql('SELECT event_id FROM webhook_bodies'), []);
    },
  );
});

/** Providers whose bodies name an account. */
const namingAccounts = providers.filter((provider) => {
  const [sample] = provider.samples;
  const { body } = (sample as Sample).build({ account: 'acct_42', nowMs: 0 });
  return identityOf(provider, body, (sample as Sample).channel).account === 'acct_42';
});

t.test('an account belongs to one firm', async (t) => {
  const harness = await startHarness(t);

  for (const provider of namingAccounts) {
    const { name } = provider;
    const type = mainTypeOf(provider).type;
    const account = () => (newAccount[name] ?? randomUUID)();
    const map = (value: string, firmId: string) =>
      harness.sql('INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ($1, $2, $3)', [
        name,
        value,
        firmId,
      ]);
    const deliver = async (endpoint: TestEndpoint, of: string | null) => {
      const { body, channel } = harness.buildBody(endpoint, type, { account: of });
      const { outcome, status } = await harness.send(endpoint, type, { body });
      const again = async () => (await harness.send(endpoint, type, { body })).outcome;
      return { outcome, status, body, again, ...identityOf(provider, body, channel, endpoint) };
    };

    t.test(`${name}: the platform's endpoint is routed by account`, async (t) => {
      const firms = [await harness.addFirm(), await harness.addFirm()];
      const accounts = [account(), account()];
      for (const i of [0, 1]) await map(accounts[i] as string, firms[i] as string);
      const platform = await harness.addEndpoint(name, null);
      for (const i of [0, 1]) {
        const sent = await deliver(platform, accounts[i] as string);
        t.equal(sent.outcome, 'accepted');
        await assertAppliedFor(t, harness, platform, firms[i] as string, sent.eventId);
      }
      for (const nobodys of name === 'stripe' ? [account(), null] : [account()]) {
        const sent = await deliver(platform, nobodys);
        t.equal(sent.status, 200);
        t.equal(sent.outcome, 'quarantined');
        t.equal(await sent.again(), 'quarantined');
        const set = { ...sent, endpoint: platform, reason: 'account_unknown', firmId: null };
        await assertSetAside(t, harness, set);
        t.same(await harness.attemptsOf(sent.eventId), [], 'it was not applied');
        await waitUntil(
          async () =>
            (
              await harness.sql('SELECT count::int FROM webhook_deliveries WHERE event_id = $1', [
                sent.eventId,
              ])
            )[0]?.count === 2,
          { what: 'both deliveries are in the history' },
        );
      }
    });

    t.test(`${name}: a firm can't sign for another firm's account`, async (t) => {
      const [firm, other] = [await harness.addFirm(), await harness.addFirm()];
      const [own, foreign] = [account(), account()];
      await map(own, firm);
      await map(foreign, other);
      const endpoint = await harness.addEndpoint(name, firm);
      const lists = await harness.addEndpoint(name, firm, { accounts: [foreign] });
      for (const of of [own, account()]) {
        const sent = await deliver(endpoint, of);
        t.equal(sent.outcome, 'accepted', 'its own account, and one that nobody has');
        await assertAppliedFor(t, harness, endpoint, firm, sent.eventId);
      }
      for (const by of [endpoint, lists]) {
        const sent = await deliver(by, foreign);
        t.equal(sent.outcome, 'quarantined', 'listed or not');
        t.equal(await sent.again(), 'quarantined');
        await assertSetAside(t, harness, { ...sent, endpoint: by, reason: 'account_foreign', firmId: firm });
        t.same(await harness.sql('SELECT 1 FROM domain_changes WHERE event_id = $1', [sent.eventId]), []);
      }
    });

    t.test(`${name}: an endpoint with an account list takes only those accounts`, async (t) => {
      const firm = await harness.addFirm();
      const [listed, unlisted] = [account(), account()];
      const endpoint = await harness.addEndpoint(name, firm, { accounts: [account(), listed] });
      const sent = await deliver(endpoint, listed);
      t.equal(sent.outcome, 'accepted');
      await assertAppliedFor(t, harness, endpoint, firm, sent.eventId);
      const refused = await deliver(endpoint, unlisted);
      t.equal(refused.outcome, 'quarantined');
      t.equal(await refused.again(), 'quarantined');
      await assertSetAside(t, harness, { ...refused, endpoint, reason: 'account_not_listed', firmId: firm });
    });

    t.test(`${name}: two endpoints of one firm share its events`, async (t) => {
      const firm = await harness.addFirm();
      const [one, two] = [await harness.addEndpoint(name, firm), await harness.addEndpoint(name, firm)];
      const sent = await deliver(one, null);
      t.equal(sent.outcome, 'accepted');
      t.equal((await harness.send(two, type, { body: sent.body })).outcome, 'duplicate');
      await assertAppliedFor(t, harness, one, firm, sent.eventId);
      t.same(await quarantined(harness, sent.eventId), []);
    });
  }
});
