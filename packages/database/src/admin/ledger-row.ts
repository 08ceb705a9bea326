import { idempotencyKey, inlineBodyLimitBytes, toBody, type WebhookEvent } from '@semel/core';
import { Prisma } from '../generated/client.js';
import type { Providers } from './providers.js';
import type { Transaction } from './scope.js';

/** What every ledger table has; a provider's own columns come beside it. */
export interface LedgerEntry {
  firm_id: string;
  endpoint_id: string;
  event_type: string;
  channel: string | null;
  account: string | null;
  event_raw: Uint8Array;
  body_sha256: string;
  provider_created_at: Date | null;
  received_at: Date;
  outcome: string;
  ignored_reason: string | null;
  [column: string]: unknown;
}

/** null: the firms of this transaction have no such event. */
export async function findLedgerRow(
  tx: Transaction,
  provider: Providers[number],
  eventId: string,
): Promise<LedgerEntry | null> {
  if (eventId.includes('\0')) return null;
  // The table's name is the registry's, never a caller's.
  const table = Prisma.raw(`"${provider.ledger.table}"`);
  const key = idempotencyKey({ provider: provider.name, eventId });
  const rows = await tx.$queryRaw<LedgerEntry[]>`SELECT * FROM ${table} WHERE idempotency_key = ${key}`;
  return rows[0] ?? null;
}

/** The job that applies this row again. A large body stays where it is: the worker reads it from this row. */
export function toWebhookEvent(provider: string, eventId: string, row: LedgerEntry): WebhookEvent {
  const bytes = Buffer.from(row.event_raw);
  return {
    v: 1,
    owner: row.firm_id,
    provider,
    eventId,
    type: row.event_type,
    channel: row.channel,
    endpointId: row.endpoint_id,
    account: row.account,
    createdAtMs: row.provider_created_at?.getTime() ?? null,
    receivedAtMs: row.received_at.getTime(),
    body: bytes.length > inlineBodyLimitBytes ? { stored: true } : toBody(bytes),
    sha256: row.body_sha256,
    ignored: row.outcome === 'ignored' ? row.ignored_reason : null,
  };
}
