import { defineHandler } from '@semel/handlers';

/** An event that fails until it is dead: there is something to see, and to put right. */
export const bookDispute = defineHandler('stripe', 'charge.dispute.created', () => {
  throw new Error('no ledger account for disputes');
});
