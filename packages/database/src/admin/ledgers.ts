import { Prisma } from '../generated/client.js';
import { findProvider, type Providers } from './providers.js';

/** A place in the order of a listing: the values that its last row was sorted by. `at` is PostgreSQL's own text, to the microsecond. */
export interface EventCursor {
  at: string;
  provider: string;
  eventId: string;
}

/**
 * All ledgers, or one provider's, as one relation `(SELECT …)` with the columns that every one of them has. Unlike the view
 * `webhook_events` it also has the account and the bytes; what a query does not name costs nothing.
 */
export function ledgers(providers: Providers, only?: string): Prisma.Sql {
  const chosen = only === undefined ? providers : [findProvider(providers, only)];
  // Names and tables are the registry's, never a caller's.
  const branches = chosen.map(
    ({ name, ledger }) => `SELECT '${name}'::text AS provider,
      substr(idempotency_key, ${name.length + 2}) AS event_id, idempotency_key, firm_id, endpoint_id, event_type, channel, account,
      event_raw, body_sha256, provider_created_at, received_at, applied_at, outcome, ignored_reason, attempts, last_error,
      duplicate_count, last_duplicate_at
      FROM "${ledger.table}"`,
  );
  return Prisma.raw(`(${branches.join(' UNION ALL ')})`);
}

/** One condition a line, each where it was asked for. */
export const conditions = (given: readonly (Prisma.Sql | false | null | undefined)[]): Prisma.Sql => {
  const asked = given.filter((condition): condition is Prisma.Sql => Boolean(condition));
  return asked.length === 0 ? Prisma.sql`true` : Prisma.join(asked, ' AND ');
};
