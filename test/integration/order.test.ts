import type { Provider, WebhookEvent } from '@semel/core';
import { providerNamed } from '@semel/providers';
import fc from 'fast-check';
import t from 'tap';
import { applyTogether, openWorkerPool } from '../support/apply-directly.js';
import { toEvent } from '../support/create-event.js';
import { startHarness, type TestEndpoint } from '../support/harness.js';
import { permutations } from '../support/permutations.js';

// Providers do not deliver in order. In any order, one by one or in groups, events lead to the same rows.

/** One event of a life cycle: its sample and overrides. `id` is the object's id. */
type Step = [
  type: string,
  overrides?: ((id: string) => Record<string, unknown>) | undefined,
  secondsLater?: number,
];

const stripe = providerNamed('stripe') as Provider;
const square = providerNamed('square') as Provider;
const docusign = providerNamed('docusign') as Provider;
const twilio = providerNamed('twilio') as Provider;

// The tests share one database; each run has its own firm.
const harness = await startHarness(t, { receivers: 0, workers: 0 });
const pool = openWorkerPool(harness);
t.teardown(() => pool.end());

let made = 0;
const newId = (provider: Provider): string => {
  made++;
  return provider.name === 'twilio'
    ? `SM${made.toString(16).padStart(32, '0')}`
    : `${provider.name}-${made.toString().padStart(6, '0')}`;
};

const startMs = Date.UTC(2026, 0, 15, 12);

/** Life cycles in their original order; `end` is the object's expected row. */
const lives: Record<
  string,
  { provider: Provider; table: string; steps: Step[]; end: Record<string, unknown> }
> = {
  'a Stripe invoice that is paid': {
    provider: stripe,
    table: 'finance_invoices',
    steps: [
      ['invoice.created', undefined, 0],
      ['invoice.finalized', undefined, 1],
      ['invoice.payment_failed', undefined, 5],
      ['invoice.paid', undefined, 9],
    ],
    end: { status: 'paid', amount_paid: '12500', amount_remaining: '0' },
  },
  'a Stripe payment that fails and then succeeds': {
    provider: stripe,
    table: 'finance_payments',
    steps: [
      ['payment_intent.created', undefined, 0],
      ['payment_intent.payment_failed', undefined, 3],
      ['payment_intent.succeeded', undefined, 8],
    ],
    end: { status: 'succeeded', failure_code: null },
  },
  'three Stripe events within one second': {
    provider: stripe,
    table: 'finance_invoices',
    steps: [
      ['invoice.created', undefined, 0],
      ['invoice.finalized', undefined, 0],
      ['invoice.paid', undefined, 0],
    ],
    end: { status: 'paid' },
  },
  'a Stripe status never seen before, after the end': {
    provider: stripe,
    table: 'finance_invoices',
    steps: [
      ['invoice.paid', undefined, 0],
      ['invoice.finalized', () => ({ status: 'under_review' }), 60],
    ],
    end: { status: 'paid' },
  },
  'a Square invoice': {
    provider: square,
    table: 'finance_invoices',
    steps: [
      ['invoice.created', undefined, 0],
      ['invoice.published', undefined, 1],
      ['invoice.payment_made', undefined, 1],
    ],
    end: { amount_paid: '12500', amount_remaining: '0' },
  },
  'a Square payment': {
    provider: square,
    table: 'finance_payments',
    steps: [
      ['payment.created', undefined, 0],
      ['payment.updated', () => ({ status: 'APPROVED' }), 2],
      ['payment.updated', undefined, 4],
    ],
    end: { status: 'COMPLETED' },
  },
  'a Square payment, three times within one moment': {
    provider: square,
    table: 'finance_payments',
    steps: [
      ['payment.created', undefined, 0],
      ['payment.updated', () => ({ status: 'PENDING' }), 0],
      ['payment.updated', undefined, 0],
    ],
    end: { status: 'COMPLETED' },
  },
  'a DocuSign envelope that is completed': {
    provider: docusign,
    table: 'esignature_envelopes',
    steps: [
      ['envelope-sent', undefined, 0],
      ['envelope-delivered', undefined, 60],
      ['envelope-completed', undefined, 90],
    ],
    end: { status: 'completed' },
  },
  'a DocuSign envelope that is declined, and a word that nobody knows after it': {
    provider: docusign,
    table: 'esignature_envelopes',
    steps: [
      ['envelope-sent', undefined, 0],
      ['envelope-declined', undefined, 50],
      ['envelope-delivered', () => ({ status: 'pondered', $event: { event: 'envelope-pondered' } }), 120],
    ],
    end: { status: 'declined' },
  },
  'a DocuSign envelope without its data': {
    provider: docusign,
    table: 'esignature_envelopes',
    steps: [
      ['envelope-sent', () => ({ envelopeSummary: undefined }), 0],
      ['envelope-delivered', () => ({ envelopeSummary: undefined }), 60],
      ['envelope-voided', () => ({ envelopeSummary: undefined }), 90],
    ],
    end: { status: 'voided' },
  },
  'a Twilio message: delivered before sent': {
    provider: twilio,
    table: 'sms_messages',
    steps: [['status:queued'], ['status:sent'], ['status:delivered']],
    end: { status: 'delivered', error_code: null },
  },
  'a Twilio message that fails': {
    provider: twilio,
    table: 'sms_messages',
    steps: [['status:queued'], ['status:sent'], ['status:undelivered']],
    end: { status: 'undelivered', error_code: '30003' },
  },
  'a Twilio status never seen before': {
    provider: twilio,
    table: 'sms_messages',
    steps: [
      ['status:sent'],
      ['status:delivered'],
      ['status:queued', () => ({ MessageStatus: 'teleported', SmsStatus: 'teleported' })],
    ],
    end: { status: 'delivered' },
  },
};

const tables = [
  'finance_invoices',
  'finance_payments',
  'finance_charges',
  'finance_refunds',
  'finance_disputes',
  'finance_invoice_payments',
  'finance_checkout_sessions',
  'esignature_envelopes',
  'esignature_recipients',
  'sms_conversations',
  'sms_messages',
];

t.test('every order of arrival ends in the same rows', async (t) => {
  const endpoints = new Map<string, TestEndpoint>();

  /** Each run has its own firm, so that ids and bodies can repeat and rows can be compared. */
  async function enter(provider: Provider): Promise<TestEndpoint> {
    const endpoint = await harness.addEndpoint(provider.name, await harness.addFirm());
    endpoints.set(provider.name, endpoint);
    return endpoint;
  }

  for (const [name, { provider, table, steps, end }] of Object.entries(lives))
    await t.test(name, async (t) => {
      const bodies = bodiesOf(provider, steps, newId(provider));
      // A twin event with another id and the same content: providers do send these.
      const twin = withOtherEventId(provider, bodies.at(-1) as Made);
      const all = twin === null ? bodies : [...bodies, twin];
      const orders = permutations(all);

      let expected: unknown;
      for (const [i, order] of orders.entries()) {
        const endpoint = await enter(provider);
        const events = order.map((body) => toMarkedEvent(endpoint, body, i));
        // The first half one by one, the other half as one group.
        if (i % 2 === 0) for (const event of events) await applyTogether(pool, provider, [event]);
        else await applyTogether(pool, provider, events);
        const rows = await rowsOf(endpoint.firmId as string, i);
        expected ??= rows;
        t.same(rows, expected, order.map(({ type }) => type).join(', '));
        const [row] = await harness.sql(`SELECT * FROM ${table} WHERE firm_id = $1`, [endpoint.firmId]);
        t.match(row, end);
      }
    });
});

interface Made {
  type: string;
  body: Buffer;
  channel: string | null;
}

function bodiesOf(provider: Provider, steps: readonly Step[], id: string): Made[] {
  return steps.map(([type, overrides, secondsLater = 0]) => {
    const sample = provider.samples.find((candidate) => candidate.type === type);
    if (sample === undefined) throw new Error(`no sample ${type}`);
    const { body } = sample.build({
      account: null,
      nowMs: startMs + secondsLater * 1000,
      overrides: { id, ...overrides?.(id) },
    });
    return { type, body, channel: sample.channel };
  });
}

/** null if the id is derived from the content, so that twins cannot exist. */
function withOtherEventId(provider: Provider, made: Made): Made | null {
  if (provider === twilio) return null;
  const message = JSON.parse(made.body.toString('utf8'));
  if (provider === stripe) message.id = `${message.id}twin`;
  if (provider === square) message.event_id = `${message.event_id}-twin`;
  if (provider === docusign) message.configurationId = 7;
  return { ...made, body: Buffer.from(JSON.stringify(message)) };
}

/** Event ids are unique across firms: each run adds a suffix, which keeps their order. */
function toMarkedEvent(endpoint: TestEndpoint, body: Made, run: number | string): WebhookEvent {
  const event = toEvent(endpoint, body, { receivedAtMs: startMs });
  return { ...event, eventId: `${event.eventId}~${made}-${run}` };
}

/** All objects of a firm, without the columns that differ between firms and runs. */
async function rowsOf(firmId: string, run: number | string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (const table of tables)
    for (const row of await harness.sql(
      `SELECT t.*, $2 AS in_table FROM ${table} t WHERE firm_id = $1 ORDER BY to_jsonb(t) - '{id,firm_id,created_at,updated_at,invoice_id,payment_id,order_changed_by}'::text[]`,
      [firmId, table],
    )) {
      // Which of several equivalent events changed a row or brought a recipient list is not part of its state.
      const columns = Object.fromEntries(
        Object.entries(row).filter(
          ([name]) => !/^(id|firm_id|created_at|updated_at|.*_changed_by|recipients_order_event)$/.test(name),
        ),
      );
      const { invoice_id, payment_id, envelope_id, conversation_id, ...rest } = columns;
      const links = [invoice_id, payment_id, envelope_id, conversation_id].map((link) =>
        link ? 'linked' : link,
      );
      const orderEvent = String(rest.order_event).replace(`~${made}-${run}`, '');
      found.push({ ...rest, order_event: orderEvent, links });
    }
  // Which event created a conversation or an empty row is not part of its state.
  for (const row of found)
    if (row.order_rank === '-1') {
      row.order_event = '';
      row.order_received_at = null;
    }
  return found;
}

t.test('of two events with the same order the greater event id wins, in both orders', async (t) => {
  const cases: [Provider, string, string, (name: string) => Record<string, unknown>, string][] = [
    [stripe, 'invoice.paid', 'finance_invoices', (number) => ({ number }), 'number'],
    [square, 'invoice.published', 'finance_invoices', (number) => ({ invoice_number: number }), 'number'],
    [
      docusign,
      'envelope-voided',
      'esignature_envelopes',
      (voidedReason) => ({ voidedReason }),
      'voided_reason',
    ],
  ];
  for (const [provider, type, table, overrides, column] of cases)
    for (const grouped of [false, true])
      for (const order of [
        ['a', 'b'],
        ['b', 'a'],
      ]) {
        const endpoint = await harness.addEndpoint(provider.name, await harness.addFirm());
        const id = newId(provider);
        const events = order.map((mark) => {
          const [made] = bodiesOf(provider, [[type, () => overrides(mark)]], id);
          // Ids are compared as bytes (upper case before lower case), not by a language's collation.
          const name = mark === 'a' ? 'Zz' : 'aA';
          return {
            ...toMarkedEvent(endpoint, made as Made, mark),
            eventId: `${provider.name}_${id}_${order.join('')}_${grouped}~${name}`,
          };
        });
        if (grouped) await applyTogether(pool, provider, events);
        else for (const event of events) await applyTogether(pool, provider, [event]);
        const rows = await harness.sql(`SELECT ${column} AS mark FROM ${table} WHERE firm_id = $1`, [
          endpoint.firmId,
        ]);
        t.same(
          rows,
          [{ mark: 'b' }],
          `${provider.name}: ${order.join(' then ')}${grouped ? ', in one group' : ''}`,
        );
      }
});

t.test('an object that is referenced before its own event is filled in later', async (t) => {
  await t.test('a Stripe payment before its invoice', async (t) => {
    const endpoint = await harness.addEndpoint('stripe', await harness.addFirm());
    const [paymentId, invoiceId] = [newId(stripe), newId(stripe)];
    const [payment] = bodiesOf(
      stripe,
      [['payment_intent.succeeded', () => ({ invoice: invoiceId })]],
      paymentId,
    );
    const [invoice] = bodiesOf(stripe, [['invoice.paid']], invoiceId);
    t.same(await applyTogether(pool, stripe, [toMarkedEvent(endpoint, payment as Made, 0)]), ['applied']);
    const [stub] = await harness.sql('SELECT * FROM finance_invoices WHERE firm_id = $1', [endpoint.firmId]);
    t.match(stub, { external_id: invoiceId, status: null, amount_due: null });
    const [linked] = await harness.sql('SELECT * FROM finance_payments WHERE firm_id = $1', [
      endpoint.firmId,
    ]);
    t.equal(linked?.invoice_id, stub?.id);
    t.same(await applyTogether(pool, stripe, [toMarkedEvent(endpoint, invoice as Made, 0)]), ['applied']);
    const rows = await harness.sql('SELECT * FROM finance_invoices WHERE firm_id = $1', [endpoint.firmId]);
    t.match(rows, [{ id: stub?.id, status: 'paid', amount_due: '12500' }]);
    t.equal(rows.length, 1);
  });

  await t.test('a Stripe invoice before the payment that it names', async (t) => {
    const endpoint = await harness.addEndpoint('stripe', await harness.addFirm());
    for (const overrides of [
      (id: string) => ({ payment_intent: id }),
      (id: string) => ({ payments: { data: [{ payment: { type: 'payment_intent', payment_intent: id } }] } }),
    ]) {
      const [paymentId, invoiceId] = [newId(stripe), newId(stripe)];
      const [invoice] = bodiesOf(stripe, [['invoice.paid', () => overrides(paymentId)]], invoiceId);
      const event = toMarkedEvent(endpoint, invoice as Made, 0);
      t.same(await applyTogether(pool, stripe, [event]), ['applied']);
      const row = await harness.applied(stripe, event.eventId);
      t.ok(row.invoice_id);
      t.ok(row.payment_id, 'the ledger links both');
      const [payment] = bodiesOf(stripe, [['payment_intent.succeeded']], paymentId);
      t.same(await applyTogether(pool, stripe, [toMarkedEvent(endpoint, payment as Made, 0)]), ['applied']);
      const rows = await harness.sql(
        'SELECT * FROM finance_payments WHERE firm_id = $1 AND external_id = $2',
        [endpoint.firmId, paymentId],
      );
      t.match(rows, [{ id: row.payment_id, status: 'succeeded' }]);
    }
  });

  await t.test('a DocuSign recipient before its envelope', async (t) => {
    const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
    const envelopeId = newId(docusign);
    const recipientEvent = () => ({
      recipientId: '1',
      envelopeSummary: undefined,
      $event: { event: 'recipient-completed' },
    });
    const [recipient] = bodiesOf(docusign, [['envelope-completed', recipientEvent]], envelopeId);
    const [envelope] = bodiesOf(docusign, [['envelope-completed']], envelopeId);
    t.same(await applyTogether(pool, docusign, [toMarkedEvent(endpoint, recipient as Made, 0)]), ['applied']);
    t.match(await harness.sql('SELECT * FROM esignature_envelopes WHERE firm_id = $1', [endpoint.firmId]), [
      { external_id: envelopeId, status: null },
    ]);
    t.match(await harness.sql('SELECT * FROM esignature_recipients WHERE firm_id = $1', [endpoint.firmId]), [
      { status: 'completed' },
    ]);
    await applyTogether(pool, docusign, [toMarkedEvent(endpoint, envelope as Made, 0)]);
    t.match(await harness.sql('SELECT * FROM esignature_envelopes WHERE firm_id = $1', [endpoint.firmId]), [
      { status: 'completed' },
    ]);
  });

  await t.test('whichever comes first, and in one group', async (t) => {
    const invoiceId = newId(stripe);
    const bodies = [
      ...bodiesOf(stripe, [['invoice.finalized'], ['invoice.paid', undefined, 5]], invoiceId),
      ...bodiesOf(stripe, [['payment_intent.succeeded', () => ({ invoice: invoiceId })]], newId(stripe)),
      ...bodiesOf(stripe, [['payment_intent.canceled', () => ({ invoice: invoiceId })]], newId(stripe)),
    ];
    let expected: unknown;
    for (const [i, order] of permutations(bodies).entries()) {
      const endpoint = await harness.addEndpoint('stripe', await harness.addFirm());
      const events = order.map((body) => toMarkedEvent(endpoint, body, i));
      if (i % 2 === 0) await applyTogether(pool, stripe, events);
      else for (const event of events) await applyTogether(pool, stripe, [event]);
      const rows = await rowsOf(endpoint.firmId as string, i);
      expected ??= rows;
      t.same(rows, expected, order.map(({ type }) => type).join(', '));
    }
  });
});

t.test('one object, changed repeatedly in one group and by several workers at once', async (t) => {
  const seed = Date.now() & 0xffff;
  t.comment(`seed ${seed}`);

  for (const { provider, table, steps, end } of Object.values(lives).filter((_, i) => i % 2 === 0)) {
    const scenario = fc.record({
      times: fc.integer({ min: 1, max: 4 }),
      groups: fc.integer({ min: 1, max: 4 }),
      shuffle: fc.infiniteStream(fc.nat()),
    });
    const bodies = bodiesOf(provider, steps, newId(provider));
    let runs = 0;
    let expected: unknown;
    await fc.assert(
      fc.asyncProperty(scenario, async ({ times, groups, shuffle }) => {
        runs++;
        const endpoint = await harness.addEndpoint(provider.name, await harness.addFirm());
        const events = Array.from({ length: times }, (_, n) =>
          bodies.map((body) => toMarkedEvent(endpoint, body, `${runs}-${n}`)),
        )
          .flat()
          .map((event) => ({ event, at: shuffle.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ event }) => event);
        const size = Math.ceil(events.length / groups);
        const parts = Array.from({ length: groups }, (_, g) => events.slice(g * size, (g + 1) * size));
        await Promise.all(
          parts.filter((part) => part.length > 0).map((part) => applyTogether(pool, provider, part)),
        );
        const rows = (await rowsOf(endpoint.firmId as string, '')).map(({ order_event, ...row }) => row);
        expected ??= rows;
        const [row] = await harness.sql(`SELECT * FROM ${table} WHERE firm_id = $1`, [endpoint.firmId]);
        for (const [column, value] of Object.entries(end))
          if (row?.[column] !== value) throw new Error(`${column} is ${row?.[column]}`);
        if (JSON.stringify(rows) !== JSON.stringify(expected)) throw new Error('other rows');
      }),
      { seed, numRuns: 8, endOnFailure: true },
    );
    t.pass(provider.name);
  }
});
