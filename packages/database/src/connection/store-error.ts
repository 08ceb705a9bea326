import { StoreUnavailableError } from '@semel/core';

/**
 * SQLSTATEs of a store outage, for which the event is not to blame: they cost a job no attempt.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const outageStates = [
  /^08/, // connection
  /^25006/, // read-only: a standby
  /^25P0[34]/, // idle or long transaction ended by its timeout
  /^28/, // login refused
  /^3D000/, // no such database
  /^40/, // rollback: serialization, deadlock
  /^42P01|^42703|^42883/, // table, column or function missing: not migrated
  /^42501/, // a right is missing (an id of another firm never causes it: no statement updates an invisible row)
  /^53/, // resources: disk full, too many connections
  /^55P03/, // lock_timeout
  /^57/, // statement_timeout, shutdown, crash
  /^58/, // operating system: I/O
  /^XX/, // internal
];

const statementTimeout = '57014';

/**
 * Turns node-pg's error into `StoreUnavailableError` if it is a store outage; returns any other error unchanged. Only for errors
 * of node-pg: a handler's error may have any text.
 */
export function toStoreError(error: unknown): unknown {
  if (error instanceof StoreUnavailableError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  // Checked first: EPIPE has five characters, as an SQLSTATE has.
  const fromSocket = typeof code === 'string' && /^E[A-Z_]+$/.test(code);
  if (typeof code === 'string' && !fromSocket && /^[0-9A-Z]{5}$/.test(code))
    return outageStates.some((pattern) => pattern.test(code))
      ? new StoreUnavailableError('postgres', error, code === statementTimeout)
      : error;
  // Without an SQLSTATE, the error comes from the socket or from the client.
  const fromClient =
    error instanceof Error &&
    /timeout|terminated|Connection|Client (was|has)|not queryable/i.test(error.message);
  return fromSocket || fromClient ? new StoreUnavailableError('postgres', error) : error;
}

/**
 * The same for a statement of a handler. A missing name or right, a lock timeout and a statement timeout are the handler's fault
 * there, and cost the event an attempt.
 */
export function toHandlerError(error: unknown): unknown {
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  return /^(42|57014|55P03)/.test(code) ? error : toStoreError(error);
}
