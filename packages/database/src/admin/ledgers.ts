import { Prisma } from '../generated/client.js';
import { findProvider, type Providers } from './providers.js';

/** The sort key of the last row of a page. `at` is PostgreSQL's text, with microseconds. */
export interface EventCursor {
  at: string;
  provider: string;
  eventId: string;
}

/**
 * All ledgers, or one provider's, as one relation `(SELECT …)` with their shared columns. Unlike the view `webhook_events` it
 * includes the account and the bytes. Columns that a query does not use cost nothing.
 */
export function ledgers(providers: Providers, only?: string): Prisma.Sql {
  const chosen = only === undefined ? providers : [findProvider(providers, only)];
  // Names and tables come from the registry, never from a caller.
  const branches = chosen.map(
    ({ name, ledger }) => `SELECT '${name}'::text AS provider,
      substr(idempotency_key, ${name.length + 2}) AS event_id, idempotency_key, firm_id, endpoint_id, event_type, channel, account,
      event_raw, body_sha256, provider_created_at, received_at, applied_at, outcome, ignored_reason, attempts, last_error,
      duplicate_count, last_duplicate_at
      FROM "${ledger.table}"`,
  );
  return Prisma.raw(`(${branches.join(' UNION ALL ')})`);
}

/** Joins the conditions that are given with AND. */
export const conditions = (given: readonly (Prisma.Sql | false | null | undefined)[]): Prisma.Sql => {
  const present = given.filter((condition): condition is Prisma.Sql => Boolean(condition));
  return present.length === 0 ? Prisma.sql`true` : Prisma.join(present, ' AND ');
};
