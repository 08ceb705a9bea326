import { StoreUnavailableError } from '@semel/core';
import type pg from 'pg';
import { type DatabaseOptions, openPool } from '../connection/pool.js';

/**
 * Says which of many processes sweeps. It spares work, and nothing rests on it: a process that lost it without knowing yet
 * may sweep beside the next one.
 */
export interface SweepLock {
  /** Takes it if it is free, and keeps it. True: this process has it. Throws `StoreUnavailableError`. */
  hold(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * A session's advisory lock on a connection of its own, so that it ends with its holder. A holder that is frozen does not
 * end: its session does, when it was not held again for `idleMs`.
 */
export function openSweepLock({ idleMs, ...options }: DatabaseOptions & { idleMs: number }): SweepLock {
  const pool = openPool({
    ...options,
    role: 'worker',
    max: 1,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 5_000,
  });
  let session: pg.PoolClient | null = null;
  return {
    async hold() {
      try {
        session ??= await pool.connect();
        const { rows } = await session.query(
          `SELECT set_config('idle_session_timeout', $1, false),
             pg_try_advisory_lock(hashtextextended('semel sweeper', 0)) AS held`,
          [String(idleMs)],
        );
        if (rows[0]?.held === true) return true;
        letGo();
        return false;
      } catch (error) {
        letGo();
        throw new StoreUnavailableError('postgres', error);
      }
    },
    async release() {
      letGo();
      await pool.end();
    },
  };

  /** Ends the session: what it may have locked is free with it. */
  function letGo(): void {
    session?.release(true);
    session = null;
  }
}
