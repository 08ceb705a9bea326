import { randomUUID } from 'node:crypto';
import { randomText, upperAlphabet } from '../sample.js';

export const usd = (amount: number) => ({ amount, currency: 'USD' });

export const invoiceObject = (now: string, version: number, status: string, paid: number) => ({
  id: `inv:0-${randomText(27)}`,
  version,
  location_id: 'LEXAMPLE00001',
  order_id: randomText(28),
  payment_requests: [
    {
      uid: randomUUID(),
      request_type: 'BALANCE',
      due_date: '2030-01-24',
      tipping_enabled: false,
      computed_amount_money: usd(12_500),
      total_completed_amount_money: usd(paid),
      automatic_payment_source: 'NONE',
    },
  ],
  invoice_number: 'SMP-0001',
  title: 'Legal services',
  description: 'Initial consultation and document review',
  status,
  timezone: 'America/New_York',
  created_at: now,
  updated_at: now,
  primary_recipient: {
    customer_id: randomText(26, upperAlphabet),
    given_name: 'Ada',
    family_name: 'Example',
    email_address: 'client@example.com',
    phone_number: '+12015550123',
  },
  accepted_payment_methods: {
    card: true,
    square_gift_card: false,
    bank_account: false,
    buy_now_pay_later: false,
    cash_app_pay: false,
  },
  delivery_method: 'EMAIL',
  store_payment_method_enabled: false,
});

export const paymentObject = (now: string, status: string) => {
  const id = randomText(29);
  const captured = status === 'COMPLETED' ? { captured_at: now } : {};
  return {
    id,
    created_at: now,
    updated_at: now,
    amount_money: usd(12_500),
    status,
    delay_duration: 'PT168H',
    delay_action: 'CANCEL',
    source_type: 'CARD',
    card_details: {
      status: status === 'COMPLETED' ? 'CAPTURED' : 'AUTHORIZED',
      card: {
        card_brand: 'VISA',
        last_4: '1111',
        exp_month: 11,
        exp_year: 2030,
        fingerprint: `sq-1-${randomText(60)}`,
        card_type: 'CREDIT',
        prepaid_type: 'NOT_PREPAID',
        bin: '411111',
      },
      entry_method: 'KEYED',
      cvv_status: 'CVV_ACCEPTED',
      avs_status: 'AVS_ACCEPTED',
      statement_description: 'SQ *EXAMPLE LEGAL LLP',
      card_payment_timeline: { authorized_at: now, ...captured },
    },
    location_id: 'LEXAMPLE00001',
    order_id: randomText(28),
    risk_evaluation: { created_at: now, risk_level: 'NORMAL' },
    total_money: usd(12_500),
    approved_money: usd(12_500),
    receipt_number: id.slice(0, 4),
    receipt_url: `https://squareup.com/receipt/preview/${id}`,
    version_token: randomText(44),
  };
};

/** Square derives a refund's id from the payment's. */
export const refundObject = (now: string, version: number, status: string) => {
  const paymentId = randomText(29);
  return {
    id: `${paymentId}_${randomText(43)}`,
    status,
    amount_money: usd(5_000),
    payment_id: paymentId,
    order_id: randomText(28),
    location_id: 'LEXAMPLE00001',
    reason: 'Hours not used',
    destination_type: 'CARD',
    processing_fee: [{ effective_at: now, type: 'INITIAL', amount_money: usd(-175) }],
    created_at: now,
    updated_at: now,
    version,
  };
};

export const disputeObject = (now: string, version: number, state: string) => ({
  id: randomText(20),
  amount_money: usd(12_500),
  brand_dispute_id: randomText(22),
  card_brand: 'VISA',
  created_at: now,
  disputed_payment: { payment_id: randomText(29) },
  due_at: '2030-03-04T00:00:00.000Z',
  location_id: 'LEXAMPLE00001',
  reason: 'AMOUNT_DIFFERS',
  reported_at: now,
  state,
  updated_at: now,
  version,
});

export const customerObject = (now: string) => ({
  address: {
    address_line_1: '1 Main Street',
    locality: 'Springfield',
    administrative_district_level_1: 'IL',
    postal_code: '00000',
    country: 'US',
  },
  created_at: now,
  creation_source: 'THIRD_PARTY',
  email_address: 'client@example.com',
  family_name: 'Example',
  given_name: 'Ada',
  note: 'Prefers letters',
  phone_number: '+12015550123',
  preferences: { email_unsubscribed: false },
  reference_id: 'M-2026-0042',
  updated_at: now,
  version: 0,
});
