import { defineHandler } from '@semel/handlers';

/** Fails until the event is dead, so that the screenshots show one. */
export const bookDispute = defineHandler('stripe', 'charge.dispute.created', () => {
  throw new Error('no ledger account for disputes');
});
