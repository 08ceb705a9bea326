import { randomUUID } from 'node:crypto';
import type { Sample } from '@semel/core';
import { jsonBody, randomText, splitOverrides, upperAlphabet } from '../sample.js';
import { customerObject, invoiceObject, paymentObject } from './sample-objects.js';

type MakeObject = (nowText: string) => Record<string, unknown>;

/**
 * Overrides: the fields of the object in `data.object` (`id`, `version`, `status` …); `$event` for the envelope
 * (`{ $event: { event_id: '…' } }`).
 */
const sample = (type: string, description: string, make: MakeObject): Sample => ({
  type,
  channel: null,
  description,
  build({ account, nowMs, overrides }) {
    const { envelope, object: over } = splitOverrides(overrides);
    const nowText = new Date(nowMs).toISOString();
    const kind = type.slice(0, type.indexOf('.'));
    const object = { ...make(nowText), ...over };
    return jsonBody({
      merchant_id: account ?? 'MLEXAMPLE0001',
      location_id: 'LEXAMPLE00001',
      type,
      event_id: randomUUID(),
      created_at: nowText,
      data: { type: kind, id: object.id, object: { [kind]: object } },
      ...envelope,
    });
  },
});

const invoice =
  (version: number, status: string, paid = 0): MakeObject =>
  (now) =>
    invoiceObject(now, version, status, paid);

const payment =
  (status: string): MakeObject =>
  (now) =>
    paymentObject(now, status);

export const samples: readonly Sample[] = [
  sample('payment.created', 'A card was authorised', payment('APPROVED')),
  sample('payment.updated', 'The payment is complete', payment('COMPLETED')),
  sample('invoice.created', 'A draft invoice', invoice(0, 'DRAFT')),
  sample('invoice.published', 'The invoice was sent', invoice(1, 'UNPAID')),
  sample('invoice.payment_made', 'The invoice is paid', invoice(2, 'PAID', 12_500)),
  sample('invoice.canceled', 'The invoice was canceled', invoice(3, 'CANCELED')),
  sample('customer.created', 'A type that is recorded, and changes nothing', (now) => ({
    id: randomText(26, upperAlphabet),
    ...customerObject(now),
  })),
];
