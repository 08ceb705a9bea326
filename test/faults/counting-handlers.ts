import { defineHandler, type HandlerContext } from '@semel/handlers';

// Handlers of a fault run: each committed run inserts a row, and no unique key prevents a second one. Stripe and
// DocuSign have no handler, so their events are applied in groups.

export const handlerRunsSql = `
  CREATE TABLE faults.handler_runs (firm_id uuid NOT NULL, provider text NOT NULL, event_id text NOT NULL);
  GRANT INSERT ON faults.handler_runs TO PUBLIC;`;

const note = async ({ tx, firm, facts }: Pick<HandlerContext, 'tx' | 'firm' | 'facts'>) => {
  const row = [firm.id, facts.provider, facts.eventId];
  await tx.query('INSERT INTO faults.handler_runs VALUES ($1, $2, $3)', row);
};

export const handlers = [defineHandler('square', '*', note), defineHandler('twilio', 'status:sent', note)];
