import { StoreUnavailableError } from '@semel/core';
import { toStoreError } from '@semel/database';
import t from 'tap';

// A store outage costs an event no attempt and pauses the worker; an event's own error ends it after some attempts.
// Mistaking an outage for an event's error kills good events; the reverse stops all events.

const withCode = (code: string, message = 'no') => Object.assign(new Error(message), { code });
const isOurs = (error: unknown) => toStoreError(error) instanceof StoreUnavailableError;

t.test("store outages are told apart from an event's own errors", async (t) => {
  const codes: Record<string, string> = {
    '08006': 'connection_failure',
    '08P01': 'protocol_violation',
    '25P03': 'idle_in_transaction_session_timeout',
    '25006': 'read_only_sql_transaction: a standby',
    '28P01': 'invalid_password',
    '3D000': 'invalid_catalog_name',
    '40001': 'serialization_failure',
    '40P01': 'deadlock_detected',
    '42P01': 'undefined_table',
    '42703': 'undefined_column',
    '42883': 'undefined_function',
    '42501': 'insufficient_privilege',
    '53100': 'disk_full',
    '53200': 'out_of_memory',
    '53300': 'too_many_connections',
    '55P03': 'lock_not_available',
    '57014': 'query_canceled: statement_timeout',
    '57P01': 'admin_shutdown',
    '57P02': 'crash_shutdown',
    '57P03': 'cannot_connect_now',
    '58030': 'io_error',
    XX000: 'internal_error',
    ECONNREFUSED: 'nobody listens',
    ECONNRESET: 'the connection was reset',
    EPIPE: 'written to a connection that had ended',
    ETIMEDOUT: 'no answer',
    EHOSTUNREACH: 'no way there',
    ENOTFOUND: 'no such name',
    EAI_AGAIN: 'the name can not be looked up now',
  };
  for (const [code, why] of Object.entries(codes)) t.ok(isOurs(withCode(code)), `${code} ${why}`);
  for (const message of [
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
    'Client was closed and is not queryable',
  ])
    t.ok(isOurs(new Error(message)), message);
});

t.test("the event's own", async (t) => {
  const codes: Record<string, string> = {
    '22P02': 'invalid_text_representation',
    '22P05': 'untranslatable_character',
    '22003': 'numeric_value_out_of_range',
    '22021': 'character_not_in_repertoire',
    '23502': 'not_null_violation',
    '23503': 'foreign_key_violation',
    '23505': 'unique_violation',
    '23514': 'check_violation',
    '54001': 'statement_too_complex',
    '54000': 'program_limit_exceeded',
  };
  for (const [code, why] of Object.entries(codes)) {
    const error = withCode(code, 'a text that speaks of a Connection timeout');
    t.equal(toStoreError(error), error, `${code} ${why}`);
  }
  for (const thrown of [new TypeError('x is not a function'), 'a text', null, undefined, 42])
    t.equal(toStoreError(thrown), thrown, String(thrown));
});

t.test('the cause is preserved, and a store error is not wrapped again', async (t) => {
  const cause = withCode('40001');
  const error = toStoreError(cause) as StoreUnavailableError;
  t.equal(error.cause, cause);
  t.equal(toStoreError(error), error);
});
