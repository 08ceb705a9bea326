import { idempotencyKey, type WebhookEvent } from '@semel/core';
import { Prisma } from '../generated/client.js';
import { bodyOrReference, type EventRow, toEvent } from '../ledger/event-row.js';
import type { Providers } from './providers.js';
import type { Transaction } from './scope.js';

/** The columns of every ledger table. A provider's table has more. */
export interface LedgerEntry extends EventRow {
  firm_id: string;
  event_raw: Uint8Array;
  outcome: string;
  ignored_reason: string | null;
  [column: string]: unknown;
}

/** null: no firm of this transaction's scope has the event. */
export async function findLedgerRow(
  tx: Transaction,
  provider: Providers[number],
  eventId: string,
): Promise<LedgerEntry | null> {
  if (eventId.includes('\0')) return null;
  // The table name comes from the registry, never from a caller.
  const table = Prisma.raw(`"${provider.ledger.table}"`);
  const key = idempotencyKey({ provider: provider.name, eventId });
  const rows = await tx.$queryRaw<LedgerEntry[]>`SELECT * FROM ${table} WHERE idempotency_key = ${key}`;
  return rows[0] ?? null;
}

/** The event of this row, to be applied again. A large body is only referenced; the worker reads it from this row. */
export const toWebhookEvent = (provider: string, eventId: string, row: LedgerEntry): WebhookEvent =>
  toEvent(row, {
    firmId: row.firm_id,
    provider,
    eventId,
    body: bodyOrReference(Buffer.from(row.event_raw)),
    ignored: row.outcome === 'ignored' ? row.ignored_reason : null,
  });
