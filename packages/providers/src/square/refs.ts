import type { Change, ChangeSet } from '@semel/core';

/** Adds the links to the payment, if there is one: an unlinked refund has none. */
export function ofPayment(change: Change, paymentId: string | null): ChangeSet {
  if (paymentId === null) return { changes: [change], links: {}, ignored: null };
  const links: ChangeSet['links'] = { payment_id: { entity: 'payment', externalId: paymentId } };
  return { changes: [{ ...change, refs: links }], links, ignored: null };
}
