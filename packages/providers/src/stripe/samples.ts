import { randomUUID } from 'node:crypto';
import type { Sample } from '@semel/core';
import { type BuildOptions, jsonBody, randomText, splitOverrides } from '../sample.js';
import { customerObject, invoiceObject, paymentIntentObject } from './sample-objects.js';

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

const invoice =
  (state: Record<string, unknown>): MakeObject =>
  (created) => ({ ...invoiceObject(created), ...state });

const payment =
  (state: Record<string, unknown>): MakeObject =>
  (created) => ({ ...paymentIntentObject(created), ...state });

const open = { status: 'open', number: 'SMP-0001', auto_advance: true };
const paid = { amount_paid: 12_500, amount_remaining: 0, attempted: true, attempt_count: 1 };
const declined = {
  code: 'card_declined',
  decline_code: 'generic_decline',
  doc_url: 'https://docs.stripe.com/error-codes#card-declined',
  message: 'Your card was declined.',
  type: 'card_error',
};

export const samples: readonly Sample[] = [
  sample('invoice.created', 'A draft invoice', invoice({ status: 'draft' })),
  sample('invoice.finalized', 'The invoice is open', invoice(open)),
  sample('invoice.paid', 'The invoice is paid', invoice({ ...open, ...paid, status: 'paid' })),
  sample(
    'invoice.payment_failed',
    'A charge for the open invoice failed',
    invoice({ ...open, attempted: true, attempt_count: 1 }),
  ),
  sample('invoice.voided', 'The invoice is void', invoice({ ...open, status: 'void' })),
  sample('payment_intent.created', 'A payment begins', payment({ status: 'requires_payment_method' })),
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
  sample('customer.created', 'A type that is recorded, and changes nothing', customerObject),
];
