import { type Change, type EntityRef, stubOrder } from '@semel/core';

export const invoiceRef = (externalId: string): EntityRef => ({ entity: 'invoice', externalId });
export const paymentRef = (externalId: string): EntityRef => ({ entity: 'payment', externalId });

/** The row that says that this payment is for this invoice. */
export const pairOf = (invoiceId: string, paymentId: string) => ({
  entity: 'invoice_payment' as const,
  externalId: `${invoiceId}|${paymentId}`,
  refs: { invoice_id: invoiceRef(invoiceId), payment_id: paymentRef(paymentId) },
});

/** Whoever names the two together makes that row; once there it stays, so that no order of events matters. */
export const linkChanges = (invoiceId: string | null, paymentId: string | null): Change[] =>
  invoiceId === null || paymentId === null
    ? []
    : [{ ...pairOf(invoiceId, paymentId), fields: {}, order: stubOrder }];

/** Links of the ledger row. */
export const linksTo = (invoiceId: string | null, paymentId: string | null): Record<string, EntityRef> => ({
  ...(invoiceId === null ? {} : { invoice_id: invoiceRef(invoiceId) }),
  ...(paymentId === null ? {} : { payment_id: paymentRef(paymentId) }),
});
