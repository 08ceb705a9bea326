import { type Change, type EntityRef, type FieldValue, stubOrder } from '@semel/core';
import { type Guard, guardOf, isGreater } from './guard-model.js';

// The expected invoices and payments after a set of events, written independently of the SQL to judge it. It holds
// all objects in memory, with the greatest change of each, and computes payments from scratch at the end.

type Received = Parameters<typeof guardOf>[0];

interface Row extends EntityRef {
  guard: Guard;
  fields: Record<string, FieldValue>;
  refs: Record<string, EntityRef>;
}

export interface PaymentState {
  payment: string;
  status: FieldValue;
  amount: FieldValue;
  amount_refunded: number | null;
  paid_at: FieldValue;
  failure_code: FieldValue;
  dispute_status: FieldValue;
  invoice: string | null;
}

export interface InvoiceState {
  invoice: string;
  status: FieldValue;
  amount_paid: FieldValue;
}

export function createModel() {
  const rows = new Map<string, Row>();
  const put = (ref: EntityRef, guard: Guard, change?: Change) => {
    const key = `${ref.entity} ${ref.externalId}`;
    const row = rows.get(key);
    if (row !== undefined && (guard.order.rank < 0 || !isGreater(guard, row.guard))) return;
    rows.set(key, {
      entity: ref.entity,
      externalId: ref.externalId,
      guard,
      fields: change?.fields ?? {},
      refs: change?.refs ?? {},
    });
  };
  /** When a payment was paid, and a refund made: the earliest moment that any event names, whatever the guard says. */
  const earliest = new Map<string, string>();
  const noteTime = ({ entity, externalId, fields }: Change) => {
    const [key, at] = [`${entity} ${externalId}`, fields.own_paid_at ?? fields.refunded_at];
    if (typeof at === 'string' && at < (earliest.get(key) ?? '~')) earliest.set(key, at);
  };

  return {
    apply(event: Received, changes: readonly Change[], links: Record<string, EntityRef> = {}) {
      const stub = guardOf(event, { order: stubOrder });
      for (const change of changes) {
        for (const ref of Object.values(change.refs ?? {})) put(ref, stub);
        put(change, guardOf(event, change), change);
        noteTime(change);
      }
      for (const ref of Object.values(links)) put(ref, stub);
    },
    statusOf: (ref: EntityRef) => rows.get(`${ref.entity} ${ref.externalId}`)?.fields.status ?? null,
    invoices: (): InvoiceState[] =>
      sorted(
        listOf(rows, 'invoice').map(({ externalId, fields }) => ({
          invoice: externalId,
          status: fields.status ?? null,
          amount_paid: fields.amount_paid ?? null,
        })),
        'invoice',
      ),
    payments: (): PaymentState[] =>
      sorted(
        listOf(rows, 'payment').map((row) => paymentState(row, rows, earliest)),
        'payment',
      ),
  };
}

const listOf = (rows: Map<string, Row>, entity: string) =>
  [...rows.values()].filter((row) => row.entity === entity);

const sorted = <T>(list: T[], by: keyof T) => list.sort((a, b) => (String(a[by]) < String(b[by]) ? -1 : 1));

/** Final states without money, whatever came before. */
const endedWithout = ['failed', 'canceled', 'FAILED', 'CANCELED'];

function paymentState(payment: Row, rows: Map<string, Row>, earliest: Map<string, string>): PaymentState {
  const own = (entity: string) =>
    listOf(rows, entity).filter(({ refs }) => refs.payment_id?.externalId === payment.externalId);
  const charges = own('charge').sort((a, b) => (b.guard.order.timeNs > a.guard.order.timeNs ? 1 : -1));
  const best = charges.find(({ fields }) => fields.paid_at !== null) ?? charges[0];
  const said = payment.guard.order.rank >= 0 ? payment.fields : (best?.fields ?? {});
  const [newest] = own('dispute').sort((a, b) =>
    String(b.fields.opened_at ?? '') > String(a.fields.opened_at ?? '') ? 1 : -1,
  );
  const [invoice] = own('invoice_payment')
    .map(({ refs }) => refs.invoice_id?.externalId as string)
    .sort();
  const withTime = (row: Row): Row => ({
    ...row,
    fields: { ...row.fields, refunded_at: earliest.get(`refund ${row.externalId}`) ?? null },
  });
  const paid = charges.map(({ fields }) => fields.paid_at).filter(Boolean);
  return {
    payment: payment.externalId,
    status: said.status ?? null,
    amount: said.amount ?? null,
    amount_refunded: refundedOf(payment, charges, own('refund').map(withTime)),
    paid_at:
      (endedWithout.includes(String(payment.fields.status))
        ? null
        : earliest.get(`payment ${payment.externalId}`)) ??
      paid.sort()[0] ??
      null,
    failure_code: said.failure_code ?? null,
    dispute_status: newest?.fields.status ?? null,
    invoice: invoice ?? null,
  };
}

function refundedOf(payment: Row, charges: Row[], refunds: Row[]): number | null {
  const listed = charges.some(({ fields }) => typeof fields.amount_refunded === 'number')
    ? { amount: sum(charges.map(({ fields }) => fields.amount_refunded)), at: greatest(charges) }
    : { amount: payment.fields.own_amount_refunded as number | null, at: payment.fields.own_told_at };
  const counted = sum(refunds.filter(({ fields }) => fields.counts).map(({ fields }) => fields.amount));
  if (listed.amount === null || listed.amount === undefined) return refunds.length === 0 ? null : counted;
  // The total does not include refunds that were made after it.
  const wasThere = refunds.filter(
    ({ fields }) => fields.refunded_at === null || String(fields.refunded_at) <= String(listed.at),
  );
  const explained = wasThere.filter(
    ({ fields }) => fields.counts || String(fields.told_at) >= String(listed.at),
  );
  // Authorised and never captured: released, mostly without a refund event.
  const released = sum(
    charges
      .filter(({ fields }) => typeof fields.amount_captured === 'number')
      .map(({ fields }) =>
        Math.min(Number(fields.amount_refunded), Number(fields.amount) - Number(fields.amount_captured)),
      ),
  );
  const isListed = wasThere.some(({ fields }) => fields.counts && fields.amount === released);
  const rest = listed.amount - sum(explained.map(({ fields }) => fields.amount));
  return counted + Math.max(isListed ? 0 : released, rest);
}

const sum = (values: readonly unknown[]) =>
  values.reduce<number>((total, value) => total + Number(value ?? 0), 0);
const greatest = (rows: readonly Row[]) =>
  rows
    .map(({ fields }) => String(fields.told_at))
    .sort()
    .at(-1);
