import { StoreUnavailableError } from '@semel/core';
import type pg from 'pg';
import { type DatabaseOptions, openPool } from '../connection/pool.js';

/**
 * Chooses the one process that sweeps. It only saves work and is no mutual exclusion: a process that lost the lock without
 * noticing may sweep at the same time as the next holder.
 */
export interface SweepLock {
  /** Takes or renews the lock. True: this process has it. Throws `StoreUnavailableError`. */
  hold(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * A session-level advisory lock on a separate connection: it is released when its holder dies. A frozen holder loses it too,
 * because Postgres ends a session that did not call `hold` for `idleMs`.
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
        endSession();
        return false;
      } catch (error) {
        endSession();
        throw new StoreUnavailableError('postgres', error);
      }
    },
    async release() {
      endSession();
      await pool.end();
    },
  };

  /** Ends the session, which also releases its lock. */
  function endSession(): void {
    session?.release(true);
    session = null;
  }
}
