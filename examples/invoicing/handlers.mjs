// Loaded by the worker: SEMEL_HANDLERS=examples/invoicing/handlers.mjs
import { defineDelivery, defineHandler } from '@semel/handlers';

/** Books the payment in a table of our own and notifies the ERP: both once per invoice, or neither. */
export const bookPayment = defineHandler('stripe', 'invoice.paid', async ({ event, firm, tx, outbox }) => {
  const invoice = event.data.object;
  await tx.query(
    `INSERT INTO booked_payments (firm_id, invoice, amount, currency) VALUES ($1, $2, $3, $4)
     ON CONFLICT (firm_id, invoice) DO UPDATE SET amount = excluded.amount`,
    [firm.id, invoice.id, invoice.amount_paid, invoice.currency],
  );
  await outbox({
    key: `invoice-paid:${invoice.id}`,
    to: 'erp',
    payload: {
      type: 'invoice.paid',
      timestamp: new Date(event.created * 1000).toISOString(),
      data: { invoice: invoice.id, amount: invoice.amount_paid, currency: invoice.currency },
    },
  });
});

/** Runs only for events that change an invoice; `changed` has its row in Semel's table, before and after. */
export const watchOverdue = defineHandler(
  'stripe',
  'invoice.*',
  async ({ changed, outbox }) => {
    for (const { externalId, before, after } of changed) {
      if (after.status !== 'uncollectible' || before?.status === 'uncollectible') continue;
      await outbox({
        key: `uncollectible:${externalId}`,
        to: 'collections',
        payload: { invoice: externalId },
      });
    }
  },
  { when: 'changed' },
);

/** Delivers with code instead of a destination: called at least once per effect, with the same `id` each time. */
export const collections = defineDelivery('collections', async ({ id, payload }) => {
  console.log(JSON.stringify({ msg: 'collections.told', id, invoice: payload.invoice }));
});
