import { type Effect, type HandlerClient, SemelError, StoreUnavailableError } from '@semel/core';
import type { Query, Send } from '../connection/pool.js';
import { toHandlerError } from '../connection/store-error.js';
import { firstKeyword } from './first-keyword.js';

/** Commands that begin, end or reconfigure the transaction, or that leave the protocol of one statement and its rows. */
const refused = new Set(
  `begin start commit end rollback abort savepoint release prepare execute deallocate discard set reset copy listen unlisten
   load checkpoint vacuum`.split(/\s+/),
);

/**
 * Gives a handler access to the running transaction. Not guaranteed: a handler that changes its firm with `set_config` is
 * detected afterwards and rolled back, but it has read other rows by then.
 */
export async function withHandlerClient<T>(
  { query, send, timeoutMs }: { query: Query; send: Send; timeoutMs: number },
  work: (client: HandlerClient) => Promise<T>,
): Promise<T> {
  const before = await reconfigure(query, `${Math.ceil(timeoutMs)}ms`);
  const sent: Promise<unknown>[] = [];
  let isOpen = true;
  let outage: StoreUnavailableError | null = null;

  /** Runs while `work` does. Every statement is awaited at the end, even if `work` did not await it. */
  const during = <R>(run: () => Promise<R>): Promise<R> => {
    const running = (async () => {
      if (!isOpen) throw new SemelError('statement_refused', 'the transaction of this handler has ended');
      return run();
    })().catch((error: unknown) => {
      if (error instanceof StoreUnavailableError) outage ??= error;
      throw error;
    });
    running.catch(() => undefined);
    sent.push(running);
    return running;
  };
  const client: HandlerClient = {
    statement: (text, values = []) =>
      during(async () => {
        const keyword = firstKeyword(text);
        if (refused.has(keyword))
          throw new SemelError('statement_refused', `a handler can't use ${keyword.toUpperCase()}`);
        // The extended protocol takes a single statement, so a second one after a semicolon is refused.
        return send({ text, values: [...values], queryMode: 'extended' }).catch((error: unknown) => {
          throw toHandlerError(error);
        });
      }),
    addEffect: (make) => during(async () => insertEffect(query, make())),
  };

  let result: T;
  try {
    result = await work(client);
    for (let i = 0; i < sent.length; i++) await sent[i]; // `sent` may grow meanwhile
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
 * Sets the statement timeout and returns the configuration from before. Puts temporary tables last in the search path, so
 * that none can shadow one of Semel's tables.
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

/** False if the firm had an effect of this key before; the unique key decides. */
async function insertEffect(query: Query, effect: Effect): Promise<boolean> {
  const { rowCount } = await query(
    `WITH inserted AS (
       INSERT INTO webhook_effects (firm_id, effect_key, provider, event_id) VALUES ($1, $2, $3, $4)
       ON CONFLICT DO NOTHING RETURNING firm_id, effect_key, provider, event_id
     )
     INSERT INTO webhook_outbox (firm_id, effect_key, provider, event_id, destination, payload)
     SELECT firm_id, effect_key, provider, event_id, $5, $6::jsonb FROM inserted`,
    [effect.firmId, effect.key, effect.provider, effect.eventId, effect.destination, effect.payload],
  );
  return rowCount === 1;
}
