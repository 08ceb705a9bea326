import { StoreUnavailableError } from '@semel/core';
import { toStoreError } from '../connection/store-error.js';
import { Prisma, type PrismaClient } from '../generated/client.js';
import { AdminError } from './admin-error.js';

export type Transaction = Prisma.TransactionClient;

/** Runs `work` in a transaction that row-level security limits to the given firms. */
export interface Scope {
  /** All firms, and the platform's rows. */
  everywhere<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** One firm, which need not exist yet, and no rows of the platform. */
  inFirm<T>(firmId: string, work: (tx: Transaction) => Promise<T>): Promise<T>;
}

export function scopeOf(client: PrismaClient): Scope {
  const run = <T>(opening: Prisma.Sql, work: (tx: Transaction) => Promise<T>) =>
    client
      .$transaction(
        async (tx) => {
          await tx.$executeRaw(opening);
          return work(tx);
        },
        { isolationLevel: 'ReadCommitted', maxWait: 5_000, timeout: 30_000 },
      )
      .catch((error: unknown) => {
        throw error instanceof AdminError ? error : toAdminStoreError(error);
      });
  return {
    everywhere: (work) =>
      run(
        Prisma.sql`SELECT set_config('semel.firm_ids', (SELECT COALESCE(array_agg(id), '{}')::text FROM semel_firms()), true),
          set_config('semel.platform', 'on', true)`,
        work,
      ),
    inFirm: (firmId, work) =>
      run(
        Prisma.sql`SELECT set_config('semel.firm_ids', ARRAY[${firmId}::uuid]::text, true),
          set_config('semel.platform', 'off', true)`,
        work,
      ),
  };
}

/** Prisma's codes for a database that is unreachable, too slow, or has closed the connection. */
const unreachable = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037']);

function toAdminStoreError(error: unknown): unknown {
  if (error instanceof Prisma.PrismaClientInitializationError)
    return new StoreUnavailableError('postgres', error);
  if (!(error instanceof Prisma.PrismaClientKnownRequestError)) return toStoreError(error);
  return unreachable.has(error.code) ? new StoreUnavailableError('postgres', error) : error;
}

/** True if a unique index refused the row. */
export const isTaken = (error: unknown): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
