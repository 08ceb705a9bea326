import { randomUUID } from 'node:crypto';
import type { Sample } from '@semel/core';
import { asObject } from '../json.js';
import { jsonBody, randomText, splitOverrides, upperAlphabet } from '../sample.js';
import {
  customerObject,
  disputeObject,
  invoiceObject,
  paymentObject,
  refundObject,
  usd,
} from './sample-objects.js';

type MakeObject = (nowText: string) => Record<string, unknown>;
type DataOf = (kind: string, object: Record<string, unknown>) => Record<string, unknown>;

const whole: DataOf = (kind, object) => ({ type: kind, id: object.id, object: { [kind]: object } });
/** A deleted object has only its id. */
const gone: DataOf = (kind, { id }) => ({ type: kind, id, deleted: true });

/**
 * Overrides: the fields of the object in `data.object` (`id`, `version`, `status` …); `$event` for the envelope
 * (`{ $event: { event_id: '…' } }`).
 */
const sample = (type: string, description: string, make: MakeObject, dataOf = whole): Sample => ({
  type,
  channel: null,
  description,
  build({ account, nowMs, overrides }) {
    const { envelope, object } = splitOverrides(overrides);
    const nowText = new Date(nowMs).toISOString();
    const kind = type.slice(0, type.indexOf('.'));
    return jsonBody({
      merchant_id: account ?? 'MLEXAMPLE0001',
      location_id: 'LEXAMPLE00001',
      type,
      event_id: randomUUID(),
      created_at: nowText,
      data: dataOf(kind, { ...make(nowText), ...totalOf(kind, object), ...object }),
      ...envelope,
    });
  },
});

/** The total follows from an overridden amount, plus the tip if there is one. */
function totalOf(kind: string, { amount_money, tip_money }: Record<string, unknown>) {
  if (kind !== 'payment' || (amount_money === undefined && tip_money === undefined)) return {};
  const [amount, tip] = [asObject(amount_money ?? usd(12_500)), asObject(tip_money)?.amount];
  return {
    total_money: typeof tip === 'number' ? { ...amount, amount: Number(amount?.amount) + tip } : amount,
  };
}

const invoice =
  (version: number, status: string, paid = 0): MakeObject =>
  (now) =>
    invoiceObject(now, version, status, paid);

const payment =
  (status: string): MakeObject =>
  (now) =>
    paymentObject(now, status);

const refund =
  (version: number, status: string): MakeObject =>
  (now) =>
    refundObject(now, version, status);

const dispute =
  (version: number, state: string): MakeObject =>
  (now) =>
    disputeObject(now, version, state);

export const samples: readonly Sample[] = [
  sample('payment.created', 'A card was authorised', payment('APPROVED')),
  sample('payment.updated', 'The payment is complete', payment('COMPLETED')),
  sample('invoice.created', 'A draft invoice', invoice(0, 'DRAFT')),
  sample('invoice.published', 'The invoice was sent', invoice(1, 'UNPAID')),
  sample('invoice.payment_made', 'The invoice is paid', invoice(2, 'PAID', 12_500)),
  sample('invoice.updated', 'The draft was changed', invoice(0, 'DRAFT')),
  sample('invoice.deleted', 'The draft was deleted', invoice(0, 'DRAFT'), gone),
  sample('invoice.scheduled_charge_failed', 'The card on file was declined', invoice(2, 'UNPAID')),
  sample('invoice.refunded', 'The invoice was paid back', invoice(4, 'REFUNDED', 12_500)),
  sample('refund.created', 'A refund begins', refund(1, 'PENDING')),
  sample('refund.updated', 'The refund is complete', refund(2, 'COMPLETED')),
  sample('dispute.created', 'The client disputes the payment', dispute(1, 'EVIDENCE_REQUIRED')),
  sample('dispute.evidence.created', 'Evidence was added', dispute(2, 'EVIDENCE_REQUIRED')),
  sample('dispute.evidence.added', 'The same under its older name', dispute(2, 'EVIDENCE_REQUIRED')),
  sample('dispute.evidence.deleted', 'Evidence was taken back', dispute(3, 'EVIDENCE_REQUIRED')),
  sample('dispute.evidence.removed', 'The same under its older name', dispute(3, 'EVIDENCE_REQUIRED')),
  sample('dispute.state.updated', 'The dispute is won', dispute(4, 'WON')),
  sample('dispute.state.changed', 'The same under its older name', dispute(4, 'WON')),
  sample('invoice.canceled', 'The invoice was canceled', invoice(3, 'CANCELED')),
  sample('customer.created', 'A type that is recorded, and changes nothing', (now) => ({
    id: randomText(26, upperAlphabet),
    ...customerObject(now),
  })),
];
