import { defineHandler } from '@semel/handlers';

/** Writes a row and then waits, so that its worker can be killed in between. */
export default defineHandler('stripe', 'invoice.paid', async ({ tx, firm, facts }) => {
  await tx.query('INSERT INTO notes (firm_id, text) VALUES ($1, $2)', [firm.id, facts.eventId]);
  await tx.query('SELECT pg_sleep(2)');
});
