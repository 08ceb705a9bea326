import { randomUUID } from 'node:crypto';
import type { Sample } from '@semel/core';
import { type BuildOptions, jsonBody, randomText, splitOverrides } from '../sample.js';
import {
  chargeObject,
  checkoutSessionObject,
  customerObject,
  disputeObject,
  invoiceObject,
  invoicePaymentObject,
  paymentIntentObject,
  refundObject,
} from './sample-objects.js';

type MakeObject = (createdSeconds: number) => Record<string, unknown>;

/**
 * Overrides: the fields of `data.object` (`id`, `status`, `amount_due` …); `$event` for the envelope
 * (`{ $event: { id: 'evt_1', livemode: true } }`).
 */
const sample = (type: string, description: string, make: MakeObject): Sample => ({
  type,
  channel: null,
  description,
  build({ account, nowMs, overrides }: BuildOptions) {
    const { envelope, object } = splitOverrides(overrides);
    const created = Math.floor(nowMs / 1000);
    return jsonBody({
      id: `evt_1${randomText(23)}`,
      object: 'event',
      ...(account === null ? {} : { account }),
      api_version: '2025-09-30.clover',
      created,
      data: { object: { ...make(created), ...object } },
      livemode: false,
      pending_webhooks: 1,
      request: { id: `req_${randomText(14)}`, idempotency_key: randomUUID() },
      type,
      ...envelope,
    });
  },
});

/** Makes an object of this kind in the given state. */
const made =
  (make: MakeObject) =>
  (state: Record<string, unknown> = {}): MakeObject =>
  (created) => ({ ...make(created), ...state });

const invoice = made(invoiceObject);
const payment = made(paymentIntentObject);
const charge = made(chargeObject);
const refund = made(refundObject);
const dispute = made(disputeObject);
const invoicePayment = made(invoicePaymentObject);
const session = made(checkoutSessionObject);

const open = { status: 'open', number: 'SMP-0001', auto_advance: true };
const paid = { amount_paid: 12_500, amount_remaining: 0, attempted: true, attempt_count: 1 };
const declined = {
  code: 'card_declined',
  decline_code: 'generic_decline',
  doc_url: 'https://docs.stripe.com/error-codes#card-declined',
  message: 'Your card was declined.',
  type: 'card_error',
};

const refused = {
  status: 'failed',
  paid: false,
  captured: false,
  amount_captured: 0,
  balance_transaction: null,
  failure_code: 'card_declined',
  failure_message: 'Your card was declined.',
};

const nowhere = {
  code: 'customer_tax_location_invalid',
  doc_url: 'https://docs.stripe.com/error-codes#customer-tax-location-invalid',
  message: "The customer's location isn't recognized. Set a valid customer address to calculate tax.",
  type: 'invalid_request_error',
};

const bankTransfer = {
  type: 'display_bank_transfer_instructions',
  display_bank_transfer_instructions: {
    amount_remaining: 7_500,
    currency: 'usd',
    financial_addresses: [
      { type: 'aba', supported_networks: ['ach', 'domestic_wire_us'], aba: { routing_number: '110000000' } },
    ],
    hosted_instructions_url: 'https://payments.stripe.com/bank_transfers/instructions/example',
    reference: 'EXAMPLE0001',
    type: 'us_bank_transfer',
  },
};

export const samples: readonly Sample[] = [
  sample(
    'invoice.upcoming',
    'An invoice is near, has no id yet, and changes nothing',
    invoice({ id: undefined, status: 'draft', billing_reason: 'upcoming' }),
  ),
  sample('invoice.created', 'A draft invoice', invoice({ status: 'draft' })),
  sample(
    'invoice.finalization_failed',
    'The draft could not be opened',
    invoice({ status: 'draft', last_finalization_error: nowhere }),
  ),
  sample('invoice.finalized', 'The invoice is open', invoice(open)),
  sample('invoice.paid', 'The invoice is paid', invoice({ ...open, ...paid, status: 'paid' })),
  sample(
    'invoice.payment_failed',
    'A charge for the open invoice failed',
    invoice({ ...open, attempted: true, attempt_count: 1 }),
  ),
  sample('invoice.updated', 'The draft was changed', invoice({ status: 'draft' })),
  sample('invoice.sent', 'The invoice was sent to the client', invoice(open)),
  sample('invoice.will_be_due', 'The due date is near', invoice(open)),
  sample('invoice.overdue', 'The due date has passed', invoice(open)),
  sample('invoice.payment_action_required', 'The client must confirm', invoice({ ...open, attempted: true })),
  sample('invoice.payment_attempt_required', 'It is to be charged outside of Stripe', invoice(open)),
  sample('invoice.payment_succeeded', 'The invoice is paid', invoice({ ...open, ...paid, status: 'paid' })),
  sample(
    'invoice.overpaid',
    'More was paid than was due',
    invoice({ ...open, ...paid, status: 'paid', amount_overpaid: 500 }),
  ),
  sample(
    'invoice.marked_uncollectible',
    'Nobody expects the money',
    invoice({ ...open, status: 'uncollectible' }),
  ),
  sample('invoice.deleted', 'The draft was deleted', invoice({ status: 'draft' })),
  sample('invoice_payment.paid', 'This payment is for that invoice', invoicePayment()),
  sample('invoice.voided', 'The invoice is void', invoice({ ...open, status: 'void' })),
  sample('payment_intent.created', 'A payment begins', payment({ status: 'requires_payment_method' })),
  sample(
    'payment_intent.requires_action',
    'The client must authenticate',
    payment({ status: 'requires_action', next_action: { type: 'use_stripe_sdk', use_stripe_sdk: {} } }),
  ),
  sample(
    'payment_intent.partially_funded',
    'A bank transfer brought a part of it',
    payment({
      status: 'requires_action',
      next_action: bankTransfer,
      payment_method_types: ['customer_balance'],
    }),
  ),
  sample('payment_intent.processing', 'The bank is at it', payment({ status: 'processing' })),
  sample(
    'payment_intent.amount_capturable_updated',
    'The amount is authorised',
    payment({ status: 'requires_capture', capture_method: 'manual', amount_capturable: 12_500 }),
  ),
  sample(
    'payment_intent.succeeded',
    'The payment succeeded',
    payment({ status: 'succeeded', amount_received: 12_500 }),
  ),
  sample(
    'payment_intent.payment_failed',
    'The card was declined',
    payment({ status: 'requires_payment_method', last_payment_error: declined }),
  ),
  sample(
    'payment_intent.canceled',
    'The payment was given up',
    payment({ status: 'canceled', cancellation_reason: 'abandoned' }),
  ),
  sample('charge.pending', 'A bank debit is on its way', charge({ status: 'pending', paid: false })),
  sample('charge.succeeded', 'The card was charged', charge()),
  sample('charge.captured', 'The authorised amount was captured', charge()),
  sample('charge.updated', 'The charge was changed', charge()),
  sample('charge.failed', 'The charge was declined', charge(refused)),
  sample(
    'charge.expired',
    'The authorisation ran out',
    charge({ captured: false, amount_captured: 0, amount_refunded: 12_500, refunded: true }),
  ),
  sample('charge.refunded', 'A part of it was paid back', charge({ amount_refunded: 5_000 })),
  sample('charge.refund.updated', 'A refund was changed', refund()),
  sample('refund.created', 'A refund begins', refund({ status: 'pending', balance_transaction: null })),
  sample('refund.updated', 'The refund succeeded', refund()),
  sample(
    'refund.failed',
    'The bank sent the refund back',
    refund({ status: 'failed', failure_reason: 'lost_or_stolen_card' }),
  ),
  sample('charge.dispute.created', 'The client disputes the charge', dispute()),
  sample('charge.dispute.updated', 'Evidence was handed in', dispute({ status: 'under_review' })),
  sample('charge.dispute.funds_withdrawn', 'The money is held back', dispute()),
  sample('charge.dispute.funds_reinstated', 'The money is back', dispute({ status: 'won' })),
  sample('charge.dispute.closed', 'The dispute is lost', dispute({ status: 'lost' })),
  sample('checkout.session.completed', 'A client went through checkout', session()),
  sample('checkout.session.async_payment_succeeded', 'The money is there', session()),
  sample('checkout.session.async_payment_failed', 'It never came', session({ payment_status: 'unpaid' })),
  sample(
    'checkout.session.expired',
    'Nobody went through checkout',
    session({ status: 'expired', payment_status: 'unpaid', payment_intent: null }),
  ),
  sample('customer.created', 'A type that is recorded, and changes nothing', customerObject),
];
