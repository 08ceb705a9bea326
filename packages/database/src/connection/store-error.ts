import { StoreUnavailableError } from '@semel/core';

/**
 * SQLSTATEs that are a fault of ours, not of the event: they cost a job no attempt.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const ours = [
  /^08/, // connection
  /^25006/, // read-only: a standby
  /^25P0[34]/, // idle or long transaction ended by its timeout
  /^28/, // our role is not let in
  /^3D000/, // no such database
  /^40/, // rollback: serialization, deadlock
  /^42P01|^42703|^42883/, // table, column or function missing: not migrated
  /^42501/, // a right is missing (never an id of another firm: no statement updates over an invisible row)
  /^53/, // resources: disk full, too many connections
  /^55P03/, // lock_timeout
  /^57/, // statement_timeout, shutdown, crash
  /^58/, // the system: I/O
  /^XX/, // internal
];

const statementTimeout = '57014';

/**
 * Turns what node-pg throws into `StoreUnavailableError` where it is a fault of ours; returns anything else as it is. For
 * errors of node-pg alone: a handler's error may have any text.
 */
export function toStoreError(error: unknown): unknown {
  if (error instanceof StoreUnavailableError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  // Before the SQLSTATEs, which have five characters too: EPIPE.
  const fromSocket = typeof code === 'string' && /^E[A-Z_]+$/.test(code);
  if (typeof code === 'string' && !fromSocket && /^[0-9A-Z]{5}$/.test(code))
    return ours.some((pattern) => pattern.test(code))
      ? new StoreUnavailableError('postgres', error, code === statementTimeout)
      : error;
  // Without an SQLSTATE it comes from the socket or from the client itself.
  const fromClient =
    error instanceof Error &&
    /timeout|terminated|Connection|Client (was|has)|not queryable/i.test(error.message);
  return fromSocket || fromClient ? new StoreUnavailableError('postgres', error) : error;
}

/**
 * The same for a statement that a handler wrote: a name or a right that is missing, a lock that it waits for and a statement
 * that takes too long are its own fault, and cost the event an attempt.
 */
export function toHandlerError(error: unknown): unknown {
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  return /^(42|57014|55P03)/.test(code) ? error : toStoreError(error);
}
