import { type Change, type EntityRef, stubOrder } from '@semel/core';

export const invoiceRef = (externalId: string): EntityRef => ({ entity: 'invoice', externalId });
export const paymentRef = (externalId: string): EntityRef => ({ entity: 'payment', externalId });

/** Identifies the row that links a payment to an invoice. */
export const pairOf = (invoiceId: string, paymentId: string) => ({
  entity: 'invoice_payment' as const,
  externalId: `${invoiceId}|${paymentId}`,
  refs: { invoice_id: invoiceRef(invoiceId), payment_id: paymentRef(paymentId) },
});

/** Creates the link if an event names both. The row is never removed, so the order of events does not matter. */
export const linkChanges = (invoiceId: string | null, paymentId: string | null): Change[] =>
  invoiceId === null || paymentId === null
    ? []
    : [{ ...pairOf(invoiceId, paymentId), fields: {}, order: stubOrder }];

/** References to the objects that an event names, for a ledger row or a change. */
export const linksTo = (invoiceId: string | null, paymentId: string | null): Record<string, EntityRef> => ({
  ...(invoiceId === null ? {} : { invoice_id: invoiceRef(invoiceId) }),
  ...(paymentId === null ? {} : { payment_id: paymentRef(paymentId) }),
});
