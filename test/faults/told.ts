import { defineHandler, type HandlerContext } from '@semel/handlers';

// Handlers in a fault run: each run that is committed leaves a row, and nothing keeps a second one out. Stripe and DocuSign
// have none, so that their events are applied in groups.

export const handlerRunsSql = `
  CREATE TABLE faults.handler_runs (firm_id uuid NOT NULL, provider text NOT NULL, event_id text NOT NULL);
  GRANT INSERT ON faults.handler_runs TO PUBLIC;`;

const note = async ({ tx, firm, facts }: Pick<HandlerContext, 'tx' | 'firm' | 'facts'>) => {
  const row = [firm.id, facts.provider, facts.eventId];
  await tx.query('INSERT INTO faults.handler_runs VALUES ($1, $2, $3)', row);
};

export const handlers = [defineHandler('square', '*', note), defineHandler('twilio', 'status:sent', note)];
