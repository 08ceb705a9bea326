import type { Provider, WebhookEvent } from '@semel/core';
import { providerNamed } from '@semel/providers';
import fc from 'fast-check';
import t from 'tap';
import { applyTogether, openWorkerPool } from '../support/apply-directly.js';
import { toEvent } from '../support/create-event.js';
import {
  type History,
  type SampleBody,
  shuffled,
  squareHistories,
  stripeHistories,
  withTwins,
} from '../support/finance-history.js';
import { createModel } from '../support/finance-model.js';
import { startHarness, type TestEndpoint } from '../support/harness.js';
import { permutations } from '../support/permutations.js';

// Invoices and payments after refunds, disputes, checkouts and charges, in whatever order the events arrive.

const stripe = providerNamed('stripe') as Provider;
const square = providerNamed('square') as Provider;
const startMs = Date.UTC(2026, 0, 15, 12);

/** A sample, its overrides, and its time in seconds. */
type Step = [type: string, overrides?: Record<string, unknown>, at?: number];

const buildStep = (provider: Provider, [type, overrides = {}, at = 0]: Step): SampleBody => {
  const sample = provider.samples.find((candidate) => candidate.type === type);
  if (sample === undefined) throw new Error(`no sample ${type}`);
  return { type, body: sample.build({ account: null, nowMs: startMs + at * 1000, overrides }).body };
};

let runs = 0;

async function createFinance(t: Parameters<typeof startHarness>[0]) {
  const harness = await startHarness(t, { receivers: 0, workers: 0 });
  const pool = openWorkerPool(harness);
  t.teardown(() => pool.end());

  /** A firm without events. */
  async function enter(provider: Provider) {
    const endpoint = await harness.addEndpoint(provider.name, await harness.addFirm());
    const mark = `~${++runs}`;
    /** Applies the events in one transaction; returns the outcomes. */
    const applyEvents = (...events: SampleBody[]): Promise<string[]> =>
      applyTogether(
        pool,
        provider,
        events.map(({ body }) => toMarkedEvent(endpoint, body, mark)),
      );
    const payments = async () =>
      (
        await harness.sql(
          `SELECT p.external_id AS payment, p.status, p.amount::float8, p.amount_refunded::float8, p.paid_at,
             p.failure_code, p.dispute_status, i.external_id AS invoice
           FROM finance_payments p LEFT JOIN finance_invoices i ON i.id = p.invoice_id
           WHERE p.firm_id = $1 ORDER BY p.external_id COLLATE "C"`,
          [endpoint.firmId],
        )
      ).map((row) => ({ ...row, paid_at: (row.paid_at as Date | null)?.toISOString() ?? null }));
    const invoices = () =>
      harness.sql(
        `SELECT external_id AS invoice, status, amount_paid::float8 FROM finance_invoices
         WHERE firm_id = $1 ORDER BY external_id COLLATE "C"`,
        [endpoint.firmId],
      );
    const ledger = (type: string) =>
      harness.sql(
        `SELECT l.outcome, l.event_type, i.external_id AS invoice, p.external_id AS payment
         FROM ${provider.ledger.table} l LEFT JOIN finance_invoices i ON i.id = l.invoice_id
         LEFT JOIN finance_payments p ON p.id = l.payment_id WHERE l.firm_id = $1 AND l.event_type = $2`,
        [endpoint.firmId, type],
      );
    const changes = (entity: string) =>
      harness.sql(
        `SELECT c.event_id, c.change FROM domain_changes c
         WHERE c.firm_id = $1 AND c.entity_type = $2 ORDER BY c.id`,
        [endpoint.firmId, entity],
      );
    return { endpoint, mark, apply: applyEvents, payments, invoices, ledger, changes };
  }

  /** The payments after these events, one by one and together, in every order; throws if two results differ. */
  async function inEveryOrder(provider: Provider, steps: readonly Step[]) {
    const events = steps.map((step) => buildStep(provider, step));
    const ends: unknown[] = [];
    for (const order of permutations(events))
      for (const together of [false, true]) {
        const firm = await enter(provider);
        if (together) await firm.apply(...order);
        else for (const event of order) await firm.apply(event);
        ends.push({ payments: await firm.payments(), invoices: await firm.invoices() });
      }
    const different = ends.filter((end) => JSON.stringify(end) !== JSON.stringify(ends[0]));
    if (different.length > 0) throw new Error(JSON.stringify({ one: ends[0], another: different[0] }));
    return ends[0] as { payments: Record<string, unknown>[]; invoices: Record<string, unknown>[] };
  }

  return { harness, enter, inEveryOrder };
}

function toMarkedEvent(endpoint: TestEndpoint, body: Buffer, mark: string): WebhookEvent {
  const event = toEvent(endpoint, { body, channel: null }, { receivedAtMs: startMs });
  return { ...event, eventId: `${event.eventId}${mark}` };
}

const pi = { payment_intent: 'pi_1', charge: 'ch_1' };
const ch = { id: 'ch_1', payment_intent: 'pi_1' };

t.test('Stripe', async (t) => {
  const { enter, inEveryOrder } = await createFinance(t);

  t.test('a partial refund', async (t) => {
    const { payments } = await inEveryOrder(stripe, [
      ['payment_intent.succeeded', { id: 'pi_1' }],
      ['refund.created', { ...pi, id: 're_1', amount: 300 }, 5],
      ['charge.refunded', { ...ch, amount_refunded: 300 }, 5],
    ]);
    t.match(payments, [{ status: 'succeeded', amount: 12_500, amount_refunded: 300 }]);
  });

  t.test('two partial refunds, and the charge with their sum', async (t) => {
    const { payments } = await inEveryOrder(stripe, [
      ['payment_intent.succeeded', { id: 'pi_1' }],
      ['refund.updated', { ...pi, id: 're_1', amount: 300 }, 5],
      ['refund.updated', { ...pi, id: 're_2', amount: 200 }, 6],
      ['charge.refunded', { ...ch, amount_refunded: 500 }, 6],
    ]);
    t.match(payments, [{ amount_refunded: 500 }]);
  });

  t.test('a refund that only the charge names, and a refund that fails', async (t) => {
    const { payments } = await inEveryOrder(stripe, [
      ['charge.refunded', { ...ch, amount_refunded: 800 }, 5],
      ['refund.updated', { ...pi, id: 're_1', amount: 300 }, 5],
      ['refund.failed', { ...pi, id: 're_1', amount: 300 }, 9],
    ]);
    t.match(payments, [{ amount_refunded: 500 }]);
  });

  for (const isListed of [false, true])
    for (const [when, at] of [
      ['in the same second', 0],
      ['later', 60],
    ] as const)
      t.test(
        `a refund after a part was captured, ${when}${isListed ? ', the rest being a refund too' : ''}`,
        async (t) => {
          const of = { ...ch, amount: 10_000, amount_captured: 4000 };
          const rest = { id: 're_0', object: 'refund', amount: 6000, created: startMs / 1000 };
          const refunds = { refunds: isListed ? { object: 'list', data: [rest] } : undefined };
          const steps: Step[] = [
            // The card was declined before: that charge captured and refunded nothing.
            ['charge.failed', { ...ch, id: 'ch_0', amount: 10_000 }, -9],
            ['charge.captured', { ...of, ...refunds, amount_refunded: 6000 }],
            ['refund.created', { ...pi, id: 're_1', amount: 4000 }, at],
          ];
          const { payments } = await inEveryOrder(stripe, steps);
          t.match(payments, [{ amount_refunded: 10_000, amount: 10_000 }]);
          const whole: Step = ['charge.refunded', { ...of, ...refunds, amount_refunded: 10_000 }, at];
          const { payments: after } = await inEveryOrder(stripe, [...steps.slice(1), whole]);
          t.match(after, [{ amount_refunded: 10_000 }]);
        },
      );

  t.test('two refunds in the second of a partial capture, one of them not in the charge', async (t) => {
    const { payments } = await inEveryOrder(stripe, [
      ['charge.refunded', { ...ch, amount: 10_000, amount_captured: 4000, amount_refunded: 7000 }],
      ['refund.created', { ...pi, id: 're_1', amount: 1000 }],
      ['refund.created', { ...pi, id: 're_2', amount: 500 }],
    ]);
    t.match(payments, [{ amount_refunded: 7500 }]);
  });

  t.test('two refunds of a charge without a captured amount', async (t) => {
    const { payments } = await inEveryOrder(stripe, [
      ['charge.refunded', { ...ch, amount_captured: undefined, amount_refunded: 300 }, 9],
      ['refund.updated', { ...pi, id: 're_1', amount: 100 }, 5],
      ['refund.updated', { ...pi, id: 're_2', amount: 200 }, 9],
    ]);
    t.match(payments, [{ amount_refunded: 300 }]);
  });

  t.test('an expired authorisation is fully refunded', async (t) => {
    const { payments } = await inEveryOrder(stripe, [
      ['charge.succeeded', { ...ch, captured: false, amount_captured: 0 }],
      ['charge.expired', ch, 9],
    ]);
    t.match(payments, [{ amount_refunded: 12_500, paid_at: null }]);
  });

  t.test('a charge that fails after it was paid has no payment time', async (t) => {
    const alone = { id: 'ch_1', payment_intent: undefined };
    const { payments } = await inEveryOrder(stripe, [
      ['charge.succeeded', alone],
      ['charge.failed', alone, 9],
    ]);
    t.match(payments, [{ status: 'failed', paid_at: null }]);
  });

  t.test('a refund before its payment', async (t) => {
    const firm = await enter(stripe);
    await firm.apply(buildStep(stripe, ['refund.created', { ...pi, id: 're_1', amount: 300 }]));
    t.match(await firm.payments(), [{ payment: 'pi_1', status: null, amount_refunded: 300 }]);
    t.match(await firm.ledger('refund.created'), [{ outcome: 'applied', payment: 'pi_1' }]);
    await firm.apply(buildStep(stripe, ['payment_intent.succeeded', { id: 'pi_1' }]));
    t.match(await firm.payments(), [{ payment: 'pi_1', status: 'succeeded', amount_refunded: 300 }]);
    t.match((await firm.changes('payment'))[0]?.change, { amount_refunded: 300 }, 'the history says by what');
  });

  for (const end of ['won', 'lost'])
    t.test(`a dispute that is ${end}`, async (t) => {
      const { payments } = await inEveryOrder(stripe, [
        ['payment_intent.succeeded', { id: 'pi_1' }],
        ['charge.dispute.created', { ...pi, id: 'du_1' }, 5],
        ['charge.dispute.updated', { ...pi, id: 'du_1' }, 5],
        ['charge.dispute.closed', { ...pi, id: 'du_1', status: end }, 5],
      ]);
      t.match(payments, [{ status: 'succeeded', dispute_status: end }]);
    });

  t.test('a payment before its invoice, by the old shape and by the new one', async (t) => {
    const events: Step[][] = [
      [['payment_intent.succeeded', { id: 'pi_1', invoice: 'in_1' }]],
      [
        ['payment_intent.succeeded', { id: 'pi_1' }],
        [
          'invoice_payment.paid',
          { invoice: 'in_1', payment: { type: 'payment_intent', payment_intent: 'pi_1' } },
        ],
      ],
      [['charge.succeeded', { ...ch, invoice: 'in_1' }]],
      [['checkout.session.completed', { payment_intent: 'pi_1', invoice: 'in_1' }]],
    ];
    for (const steps of events) {
      const firm = await enter(stripe);
      for (const step of steps) await firm.apply(buildStep(stripe, step));
      t.match(await firm.invoices(), [{ invoice: 'in_1', status: null }]);
      t.match(await firm.payments(), [{ payment: 'pi_1', invoice: 'in_1' }]);
      await firm.apply(buildStep(stripe, ['invoice.paid', { id: 'in_1' }]));
      t.match(await firm.invoices(), [{ invoice: 'in_1', status: 'paid', amount_paid: 12_500 }]);
      const [type] = steps.at(-1) as Step;
      t.match(await firm.ledger(type), [{ outcome: 'applied', invoice: 'in_1', payment: 'pi_1' }]);
    }
  });

  t.test('an invoice names its payment, by the old shape and by the new one', async (t) => {
    for (const shape of [
      { payment_intent: 'pi_1' },
      { payments: { data: [{ payment: { type: 'payment_intent', payment_intent: 'pi_1' } }] } },
    ]) {
      const { payments } = await inEveryOrder(stripe, [
        ['payment_intent.succeeded', { id: 'pi_1' }],
        ['invoice.paid', { id: 'in_1', ...shape }],
      ]);
      t.match(payments, [{ payment: 'pi_1', status: 'succeeded', invoice: 'in_1' }]);
    }
  });

  t.test('two events with different ids for one change are applied once', async (t) => {
    const firm = await enter(stripe);
    const refund = buildStep(stripe, ['refund.created', { ...pi, id: 're_1', amount: 300 }]);
    const [, twin] = withTwins({ provider: stripe, events: [refund] }, [true]);
    await firm.apply(refund);
    await firm.apply(twin as SampleBody);
    t.match(await firm.payments(), [{ amount_refunded: 300 }]);
    t.equal((await firm.changes('payment')).length, 1, 'the second one changes no payment');
  });

  t.test('three events within one second, in all orders', async (t) => {
    const { payments } = await inEveryOrder(stripe, [
      ['charge.succeeded', ch],
      ['charge.refunded', { ...ch, amount_refunded: 300 }],
      ['charge.refunded', { ...ch, amount_refunded: 500 }],
    ]);
    t.match(payments, [{ amount_refunded: 500 }]);
  });

  t.test('an API version of 2018: the charge is the payment, and brings its refunds', async (t) => {
    const refunds = { data: [{ id: 're_1', object: 'refund', amount: 300, status: 'succeeded' }] };
    const old = { id: 'ch_1', payment_intent: undefined, invoice: 'in_1' };
    const { payments, invoices } = await inEveryOrder(stripe, [
      ['charge.succeeded', old],
      ['charge.refunded', { ...old, amount_refunded: 300, refunds }, 3],
      ['invoice.payment_succeeded', { id: 'in_1', charge: 'ch_1', status: undefined, paid: true }],
      ['charge.dispute.created', { id: 'dp_1', charge: 'ch_1', payment_intent: undefined }, 4],
    ]);
    t.match(payments, [
      {
        payment: 'ch_1',
        status: 'succeeded',
        amount_refunded: 300,
        invoice: 'in_1',
        dispute_status: 'needs_response',
      },
    ]);
    t.equal(payments.length, 1);
    t.match(invoices, [{ status: 'paid' }]);
  });

  t.test('an unknown status is stored, and undoes nothing', async (t) => {
    const firm = await enter(stripe);
    await firm.apply(
      buildStep(stripe, ['charge.dispute.created', { ...pi, id: 'du_1', status: 'pondering' }]),
    );
    t.match(await firm.payments(), [{ dispute_status: 'pondering' }]);
    await firm.apply(buildStep(stripe, ['charge.dispute.closed', { ...pi, id: 'du_1' }, 1]));
    await firm.apply(
      buildStep(stripe, ['charge.dispute.updated', { ...pi, id: 'du_1', status: 'pondering' }, 60]),
    );
    t.match(await firm.payments(), [{ dispute_status: 'lost' }]);
    await firm.apply(
      buildStep(stripe, ['refund.updated', { ...pi, id: 're_1', amount: 300, status: 'thinking' }]),
    );
    t.match(await firm.payments(), [{ amount_refunded: 300 }]);
  });

  t.test('an event that is years old changes nothing', async (t) => {
    const firm = await enter(stripe);
    const years = -5 * 365 * 86_400;
    await firm.apply(buildStep(stripe, ['charge.refunded', { ...ch, amount_refunded: 500 }]));
    const before = await firm.payments();
    t.same(await firm.apply(buildStep(stripe, ['charge.refunded', { ...ch, amount_refunded: 100 }, years])), [
      'stale',
    ]);
    t.same(await firm.payments(), before);
  });

  t.test("a payment known only by its charge has the charge's values", async (t) => {
    const firm = await enter(stripe);
    await firm.apply(buildStep(stripe, ['charge.failed', { ...ch, id: 'ch_0' }]));
    t.match(await firm.payments(), [{ payment: 'pi_1', status: 'failed', failure_code: 'card_declined' }]);
    await firm.apply(buildStep(stripe, ['charge.succeeded', ch, 9]));
    t.match(await firm.payments(), [{ status: 'succeeded', amount: 12_500, failure_code: null }]);
    await firm.apply(buildStep(stripe, ['payment_intent.processing', { id: 'pi_1' }, 8]));
    t.match(await firm.payments(), [{ status: 'processing' }], 'its own word counts more');
  });

  t.test('the ledger links each handled type to its object, and records thin events', async (t) => {
    const firm = await enter(stripe);
    const ignored = ['customer.created', 'invoice.upcoming'];
    for (const { type } of stripe.samples) {
      const [outcome] = await firm.apply(buildStep(stripe, [type]));
      t.equal(outcome, ignored.includes(type) ? 'ignored' : 'applied', type);
      const [row] = await firm.ledger(type);
      const linked = row?.invoice ?? row?.payment ?? null;
      t.equal(linked !== null, ![...ignored, 'checkout.session.expired'].includes(type), type);
    }
    const thin = {
      id: 'evt_thin',
      object: 'v2.core.event',
      type: 'v2.core.account.updated',
      created: '2026-01-15T12:00:00Z',
    };
    t.same(await firm.apply({ type: thin.type, body: Buffer.from(JSON.stringify(thin)) }), ['ignored']);
  });
});

t.test('Square', async (t) => {
  const { enter, inEveryOrder } = await createFinance(t);
  const money = (amount: number) => ({ amount_money: { amount, currency: 'USD' } });
  const of = { payment_id: 'pay_1' };

  t.test("several refunds, one of them rejected, and the payment's own refunded amount", async (t) => {
    const { payments } = await inEveryOrder(square, [
      ['payment.updated', { id: 'pay_1' }],
      ['refund.updated', { ...of, id: 'r_1', ...money(300) }, 5],
      ['refund.updated', { ...of, id: 'r_2', ...money(200), status: 'REJECTED' }, 6],
      ['payment.updated', { id: 'pay_1', refunded_money: { amount: 300, currency: 'USD' } }, 7],
    ]);
    t.match(payments, [{ status: 'COMPLETED', amount_refunded: 300 }]);
  });

  t.test("the payment's own refunded amount counts while no refund is known", async (t) => {
    const { payments } = await inEveryOrder(square, [
      ['payment.updated', { id: 'pay_1', refunded_money: { amount: 500, currency: 'USD' } }],
      ['refund.updated', { ...of, id: 'r_1', ...money(200) }],
    ]);
    t.match(payments, [{ amount_refunded: 500 }]);
  });

  t.test('a payment in cash was paid at the time of its first event', async (t) => {
    const cash = { id: 'pay_1', source_type: 'CASH', card_details: undefined };
    const { payments } = await inEveryOrder(square, [
      ['payment.updated', { ...cash, tip_money: { amount: 200, currency: 'USD' } }, 5],
      ['payment.updated', cash, 60],
      ['payment.updated', { ...cash, refunded_money: { amount: 300, currency: 'USD' } }, 600],
    ]);
    t.match(payments, [{ paid_at: new Date(startMs + 5000).toISOString(), amount_refunded: 300 }]);
  });

  for (const end of ['WON', 'LOST'])
    t.test(`a dispute that is ${end}, before its payment`, async (t) => {
      const about = { id: 'd_1', disputed_payment: of };
      const { payments } = await inEveryOrder(square, [
        ['dispute.created', about],
        ['dispute.evidence.created', about],
        ['dispute.state.updated', { ...about, state: end }],
        ['payment.updated', { id: 'pay_1' }],
      ]);
      t.match(payments, [{ status: 'COMPLETED', dispute_status: end }]);
    });

  t.test('a deleted draft stays deleted', async (t) => {
    const firm = await enter(square);
    const draft = buildStep(square, ['invoice.created', { id: 'inv:1' }]);
    const $event = { type: 'invoice.deleted', data: { type: 'invoice', id: 'inv:1', deleted: true } };
    t.same(await firm.apply(buildStep(square, ['invoice.updated', { id: 'inv:1', $event }])), ['applied']);
    t.same(await firm.apply(draft), ['stale']);
    t.match(await firm.invoices(), [{ invoice: 'inv:1', status: 'DELETED' }]);
  });

  t.test('the ledger links each handled type to its object', async (t) => {
    const firm = await enter(square);
    for (const { type } of square.samples) {
      const [outcome] = await firm.apply(buildStep(square, [type]));
      t.equal(outcome, type === 'customer.created' ? 'ignored' : 'applied', type);
      const [row] = await firm.ledger(type);
      t.equal((row?.invoice ?? row?.payment ?? null) !== null, type !== 'customer.created', type);
    }
  });
});

t.test('several workers can create the same object at the same time', async (t) => {
  const { enter, harness } = await createFinance(t);
  const firm = await enter(stripe);
  for (let i = 0; i < 150; i++)
    await Promise.all(
      Array.from({ length: 6 }, () =>
        firm.apply(
          buildStep(stripe, ['refund.created', { id: `re_${i}`, charge: `ch_${i}`, payment_intent: null }]),
        ),
      ),
    );
  const failed = await harness.sql(`SELECT error FROM webhook_attempts WHERE outcome = 'failed'`);
  t.same(failed, []);
  t.equal((await firm.payments()).length, 150);
});

t.test('any order, repetition and grouping, by several workers, ends as the model says', async (t) => {
  const { enter, harness } = await createFinance(t);
  const seed = Date.now() & 0xfffffff;
  t.comment(`seed ${seed}`);
  const draws = fc.array(fc.nat(99), { minLength: 1, maxLength: 60 });
  const twins = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 });
  for (const [name, histories] of [
    ['Stripe', stripeHistories],
    ['Square', squareHistories],
  ] as [string, fc.Arbitrary<History>][]) {
    await fc.assert(
      fc.asyncProperty(
        histories,
        draws,
        twins,
        fc.integer({ min: 1, max: 4 }),
        async (history, order, which, size) => {
          const { provider } = history;
          const all = withTwins(history, which);
          const firm = await enter(provider);
          const model = createModel();
          for (const { body } of all) {
            const event = toMarkedEvent(firm.endpoint, body, firm.mark);
            const { changes, links } = provider.changesOf(event, body);
            model.apply(event, changes, links);
          }
          // Two workers each apply all events, in different orders.
          const turns = [shuffled(all, order), shuffled(all, order.toReversed())];
          await Promise.all(
            turns.map(async (events) => {
              for (let i = 0; i < events.length; i += size)
                await retried(() => firm.apply(...events.slice(i, i + size)));
            }),
          );
          const found = { payments: await firm.payments(), invoices: await firm.invoices() };
          const due = { payments: model.payments(), invoices: model.invoices() };
          if (!t.strictSame(normal(found), normal(due))) throw new Error('not as the model says');
          const doubled = await harness.sql(
            'SELECT event_id, entity_id FROM domain_changes WHERE firm_id = $1 GROUP BY 1, 2 HAVING count(*) > 1',
            [firm.endpoint.firmId],
          );
          if (!t.same(doubled, [])) throw new Error('one row per event and object');
        },
      ),
      { seed, numRuns: 30, endOnFailure: true },
    );
    t.pass(name);
  }
});

/** A deadlock counts as a store outage: the worker requeues the job and tries again. */
async function retried(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      await work();
      return;
    } catch (error) {
      if (attempt === 5 || (error as { code?: string }).code !== 'store_unavailable') throw error;
    }
}

/** Sorts object members, as JSON. */
const normal = (state: Record<string, object[]>) =>
  JSON.parse(
    JSON.stringify(state, (_, value) =>
      value !== null && typeof value === 'object' && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
        : value,
    ),
  );
