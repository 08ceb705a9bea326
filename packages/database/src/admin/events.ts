import { applyOutcomes, type WebhookEvent } from '@semel/core';
import { Prisma } from '../generated/client.js';
import { AdminError } from './admin-error.js';
import { findFirm } from './firms.js';
import { findLedgerRow, type LedgerEntry, toWebhookEvent } from './ledger-row.js';
import { linkedObjects } from './linked-objects.js';
import { type PlainRow, toPlainRow } from './plain.js';
import { findProvider, type Providers } from './providers.js';
import type { Scope, Transaction } from './scope.js';
import { type ShownBody, showBody } from './shown-body.js';

export interface EventFilter {
  provider?: string;
  firmSlug?: string;
  outcome?: string;
  /** Received at this time or later. */
  since?: Date;
  /** Received before this time: the `receivedAt` of the last row of the page before. */
  before?: Date;
  limit: number;
}

export interface EventSummary {
  provider: string;
  eventId: string;
  firmSlug: string;
  eventType: string;
  outcome: string;
  receivedAt: Date;
  appliedAt: Date | null;
  attempts: number;
  lastError: string | null;
  duplicateCount: number;
}

export interface EventDetail {
  /** The whole ledger row, in camelCase, with `firmSlug` and the exact bytes. */
  event: PlainRow & ShownBody;
  /** The objects that it touched, by the ledger's column that links them. */
  linked: Record<string, PlainRow>;
  /** Deliveries beyond the first, summed. */
  deliveries: PlainRow[];
  attempts: PlainRow[];
  changes: PlainRow[];
  /** Rows under the same event id that were set aside. */
  quarantined: PlainRow[];
}

export interface Events {
  /** The newest first. */
  list(filter: EventFilter): Promise<EventSummary[]>;
  show(provider: string, eventId: string): Promise<EventDetail>;
  /** What `rearm` needs to run the event again, and how it ended so far. A final one would only be a duplicate. */
  find(provider: string, eventId: string): Promise<{ event: WebhookEvent; outcome: string }>;
}

export const eventsOf = (scope: Scope, providers: Providers): Events => ({
  list: (filter) => scope.everywhere((tx) => listEvents(tx, providers, filter)),

  show: (name, eventId) =>
    scope.everywhere(async (tx) => {
      const provider = findProvider(providers, name);
      const row = await requireLedgerRow(tx, provider, eventId);
      const { event_raw, ...rest } = row;
      const { slug: firmSlug } = await tx.firm.findUniqueOrThrow({ where: { id: row.firm_id } });
      const where = { provider: name, eventId };
      return {
        event: {
          provider: name,
          eventId,
          firmSlug,
          ...toPlainRow(camelCased(rest)),
          ...showBody(event_raw),
        },
        linked: await linkedObjects(tx, provider.ledger.linkColumns, row),
        deliveries: (await tx.webhookDelivery.findMany({ where, orderBy: { firstAt: 'asc' } })).map(
          toPlainRow,
        ),
        attempts: (await tx.webhookAttempt.findMany({ where, orderBy: { id: 'asc' } })).map(toPlainRow),
        changes: (await tx.domainChange.findMany({ where, orderBy: { id: 'asc' } })).map(toPlainRow),
        quarantined: (
          await tx.webhookQuarantine.findMany({ where, omit: { eventRaw: true }, orderBy: { id: 'asc' } })
        ).map(toPlainRow),
      };
    }),

  find: (name, eventId) =>
    scope.everywhere(async (tx) => {
      const row = await requireLedgerRow(tx, findProvider(providers, name), eventId);
      return { event: toWebhookEvent(name, eventId, row), outcome: row.outcome };
    }),
});

async function requireLedgerRow(
  tx: Transaction,
  provider: Providers[number],
  eventId: string,
): Promise<LedgerEntry> {
  const row = await findLedgerRow(tx, provider, eventId);
  if (row !== null) return row;
  const where = { provider: provider.name, eventId };
  const aside = eventId.includes('\0')
    ? null
    : await tx.webhookQuarantine.findFirst({ where, select: { id: true } });
  const spilled = eventId.includes('\0')
    ? null
    : await tx.webhookSpill.findFirst({ where, select: { id: true } });
  const next =
    aside !== null
      ? `It is in quarantine, as ${aside.id}: show, release or discard it there.`
      : spilled !== null
        ? 'It waits in the spill table: a running worker takes it from there.'
        : 'List the events, or look whether the worker is behind.';
  throw new AdminError('event_unknown', `The ledger has no ${provider.name} event "${eventId}". ${next}`);
}

/** Per firm, since the indexes are: each firm gives its newest rows, and the newest of those are the answer. */
async function listEvents(
  tx: Transaction,
  providers: Providers,
  filter: EventFilter,
): Promise<EventSummary[]> {
  const { provider, firmSlug, outcome, since, before, limit } = filter;
  if (provider !== undefined) findProvider(providers, provider);
  if (outcome !== undefined && !(applyOutcomes as readonly string[]).includes(outcome))
    throw new AdminError(
      'input_invalid',
      `"${outcome}" is no outcome. Choose one of: ${applyOutcomes.join(', ')}.`,
    );
  const firms = firmSlug === undefined ? await tx.firm.findMany() : [await findFirm(tx, firmSlug)];
  const slugs = new Map(firms.map(({ id, slug }) => [id, slug]));
  const count = Math.max(1, Math.min(10_000, Math.trunc(limit)));
  const rows = await tx.$queryRaw<ListedRow[]>`
    SELECT e.* FROM unnest(${[...slugs.keys()]}::uuid[]) AS f (id) CROSS JOIN LATERAL (
      SELECT webhook_provider, external_event_id, firm_id, event_type, outcome, received_at, applied_at, attempts, last_error,
        duplicate_count
      FROM webhook_events
      WHERE firm_id = f.id
        ${provider === undefined ? Prisma.empty : Prisma.sql`AND webhook_provider = ${provider}`}
        ${outcome === undefined ? Prisma.empty : Prisma.sql`AND outcome = ${outcome}`}
        ${since === undefined ? Prisma.empty : Prisma.sql`AND received_at >= ${since}`}
        ${before === undefined ? Prisma.empty : Prisma.sql`AND received_at < ${before}`}
      ORDER BY received_at DESC LIMIT ${count}
    ) AS e
    ORDER BY e.received_at DESC, e.webhook_provider, e.external_event_id LIMIT ${count}`;
  return rows.map((row) => ({
    provider: row.webhook_provider,
    eventId: row.external_event_id,
    firmSlug: slugs.get(row.firm_id) ?? '',
    eventType: row.event_type,
    outcome: row.outcome,
    receivedAt: row.received_at,
    appliedAt: row.applied_at,
    attempts: row.attempts,
    lastError: row.last_error,
    duplicateCount: Number(row.duplicate_count),
  }));
}

interface ListedRow {
  webhook_provider: string;
  external_event_id: string;
  firm_id: string;
  event_type: string;
  outcome: string;
  received_at: Date;
  applied_at: Date | null;
  attempts: number;
  last_error: string | null;
  duplicate_count: bigint;
}

const camelCased = (row: object): object =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
