import { type Effect, type HandlerClient, SemelError, StoreUnavailableError } from '@semel/core';
import type { Query, Send } from '../connection/pool.js';
import { toHandlerError } from '../connection/store-error.js';
import { firstWord } from './first-word.js';

/** What would begin, end or reconfigure the transaction, or leave the protocol of one statement and its rows. */
const refused = new Set(
  `begin start commit end rollback abort savepoint release prepare execute deallocate discard set reset copy listen unlisten
   load checkpoint vacuum`.split(/\s+/),
);

/**
 * Lends the running transaction to code that is not ours. The guarantee not given: code that renames its firm with
 * `set_config` is found out afterwards and rolled back, but it has looked by then.
 */
export async function withHandlerClient<T>(
  { query, send, timeoutMs }: { query: Query; send: Send; timeoutMs: number },
  work: (lent: HandlerClient) => Promise<T>,
): Promise<T> {
  const before = await reconfigure(query, `${Math.ceil(timeoutMs)}ms`);
  const sent: Promise<unknown>[] = [];
  let isOpen = true;
  let outage: StoreUnavailableError | null = null;

  /** Each one is waited for in the end, whether `work` did so or not. */
  const during = <R>(run: () => Promise<R>): Promise<R> => {
    const running = (async () => {
      if (!isOpen) throw new SemelError('statement_refused', 'the transaction of this handler is over');
      return run();
    })().catch((error: unknown) => {
      if (error instanceof StoreUnavailableError) outage ??= error;
      throw error;
    });
    running.catch(() => undefined);
    sent.push(running);
    return running;
  };
  const lent: HandlerClient = {
    statement: (text, values = []) =>
      during(async () => {
        const word = firstWord(text);
        if (refused.has(word))
          throw new SemelError('statement_refused', `a handler can't use ${word.toUpperCase()}`);
        // The extended protocol takes one statement only: nothing can hide behind a semicolon.
        return send({ text, values: [...values], queryMode: 'extended' }).catch((error: unknown) => {
          throw toHandlerError(error);
        });
      }),
    addEffect: (make) => during(async () => insertEffect(query, make())),
  };

  let result: T;
  try {
    result = await work(lent);
    for (let settled = 0; settled < sent.length; settled++) await sent[settled];
  } catch (error) {
    throw outage ?? error;
  } finally {
    isOpen = false;
  }
  const after = await reconfigure(query, before.timeout);
  if (after.firms !== before.firms || after.platform !== before.platform)
    throw new SemelError('statement_refused', "a handler can't change the firm of its transaction");
  if (after.role !== before.role || after.path !== before.path)
    throw new SemelError('statement_refused', "a handler can't change the role or the search path");
  return result;
}

interface Configuration {
  timeout: string;
  firms: string;
  platform: string;
  role: string;
  path: string;
}

/**
 * Sets the time that a statement may take from here on; returns what holds now. Temporary tables come last in the search
 * path: one that is named like a table of ours must not take its place.
 */
async function reconfigure(query: Query, timeout: string): Promise<Configuration> {
  const { rows } = await query(
    `SELECT current_setting('statement_timeout') AS timeout, current_setting('semel.firm_ids') AS firms,
       current_setting('semel.platform') AS platform, current_user AS role,
       set_config('search_path', regexp_replace(current_setting('search_path'), ',\\s*pg_temp$', '') || ', pg_temp', true) AS path,
       set_config('statement_timeout', $1, true)`,
    [timeout],
  );
  return rows[0];
}

/** The unique key decides: an effect that the firm had before adds nothing. */
async function insertEffect(query: Query, effect: Effect): Promise<boolean> {
  const { rowCount } = await query(
    `WITH fresh AS (
       INSERT INTO webhook_effects (firm_id, effect_key, provider, event_id) VALUES ($1, $2, $3, $4)
       ON CONFLICT DO NOTHING RETURNING firm_id, effect_key, provider, event_id
     )
     INSERT INTO webhook_outbox (firm_id, effect_key, provider, event_id, destination, payload)
     SELECT firm_id, effect_key, provider, event_id, $5, $6::jsonb FROM fresh`,
    [effect.firmId, effect.key, effect.provider, effect.eventId, effect.destination, effect.payload],
  );
  return rowCount === 1;
}
