import { type QuarantineReason, releasedId, releaseEvent, toBody, type WebhookEvent } from '@semel/core';
import type { WebhookQuarantine as Row } from '../generated/client.js';
import { AdminError } from './admin-error.js';
import { findFirm } from './firms.js';
import { findLedgerRow } from './ledger-row.js';
import { type PlainRow, toPlainRow } from './plain.js';
import { findProvider, type Providers } from './providers.js';
import type { Scope, Transaction } from './scope.js';
import { type ShownBody, showBody } from './shown-body.js';

export interface QuarantineFilter {
  provider?: string;
  firmSlug?: string;
  reason?: string;
  /** Received at or after this time. */
  since?: Date;
  /** true: only resolved rows. Default: only rows that wait for a decision. */
  resolved?: boolean;
  /** The id of the last row of the previous page. */
  after?: string;
  limit: number;
}

/** The events that wait because their account was not mapped to a firm. */
export interface WaitingForAccount {
  /** The firm to which the account is mapped now. */
  firmSlug: string;
  count: number;
  types: { type: string; count: number }[];
  oldest: Date | null;
}

const quarantineReasons: readonly QuarantineReason[] = [
  'owner_collision',
  'account_unknown',
  'account_foreign',
  'account_not_listed',
];

/** Enqueues the event again: `EventQueue.requeue` of packages/queue. */
export type Requeue = (event: WebhookEvent) => Promise<'enqueued' | 'alive' | 'foreign'>;

export interface Quarantine {
  /** Newest first. */
  list(filter: QuarantineFilter): Promise<PlainRow[]>;
  show(id: string): Promise<PlainRow & ShownBody>;
  /**
   * Enqueues the event for its own firm, under `<eventId>~<firm slug>` if the id belongs to another firm. The row is marked
   * after that: if the process dies in between, nothing is lost, and releasing again is harmless.
   */
  release(id: string, requeue: Requeue): Promise<WebhookEvent>;
  discard(id: string): Promise<PlainRow>;
  /** The events of an account that `release` would enqueue. Changes nothing. Throws `still_unmapped`. */
  waiting(account: { provider: string; account: string }): Promise<WaitingForAccount>;
  /** The next ids of these events, oldest first. */
  waitingIds(
    account: { provider: string; account: string },
    after: string | null,
    limit: number,
  ): Promise<string[]>;
}

export const quarantineOf = (scope: Scope, providers: Providers): Quarantine => ({
  list: ({ provider, firmSlug, reason, since, resolved = false, after, limit }) =>
    scope.everywhere(async (tx) => {
      if (provider !== undefined) findProvider(providers, provider);
      if (reason !== undefined) checkReason(reason);
      const rows = await tx.webhookQuarantine.findMany({
        where: {
          resolvedAt: resolved ? { not: null } : null,
          ...(provider === undefined ? {} : { provider }),
          ...(reason === undefined ? {} : { reason }),
          ...(since === undefined ? {} : { receivedAt: { gte: since } }),
          ...(firmSlug === undefined ? {} : { firmId: (await findFirm(tx, firmSlug)).id }),
        },
        omit: { eventRaw: true },
        include: { firm: { select: { slug: true } }, endpoint: { select: { key: true } } },
        orderBy: [{ receivedAt: 'desc' }, { id: 'desc' }],
        ...(after === undefined ? {} : { cursor: { id: BigInt(after) }, skip: 1 }),
        take: Math.max(1, Math.min(10_000, Math.trunc(limit))),
      });
      return rows.map(({ firm, endpoint, ...row }) =>
        toPlainRow({ ...row, firmSlug: firm?.slug ?? null, endpointKey: endpoint.key }),
      );
    }),

  show: (id) =>
    scope.everywhere(async (tx) => {
      const { eventRaw, ...row } = await findRow(tx, id);
      return { ...toPlainRow(row), ...showBody(eventRaw) };
    }),

  async release(id, requeue) {
    const { rowId, event, firmSlug, isTaken } = await scope.everywhere(async (tx) => {
      const row = await findOpenRow(tx, id);
      const firm = await firmOf(tx, row);
      const event = toWebhookEvent(row, firm.id);
      const isTaken = row.reason === 'owner_collision' || (await belongsToOther(tx, providers, event));
      return { rowId: row.id, event, firmSlug: firm.slug, isTaken };
    });
    const released = await releaseEvent(event, { firmSlug, isTaken }, requeue);
    if (released !== null) {
      await scope.everywhere((tx) => resolve(tx, rowId, 'released'));
      return released.event;
    }
    throw new AdminError(
      'event_id_taken',
      `"${releasedId(event.eventId, firmSlug)}" is another firm's event as well`,
      'look into that event, then discard this row',
    );
  },

  discard: (id) =>
    scope.everywhere(async (tx) => {
      const { eventRaw: _, ...row } = await findOpenRow(tx, id);
      const resolvedAt = await resolve(tx, row.id, 'discarded');
      return toPlainRow({ ...row, resolvedAt, resolution: 'discarded' });
    }),

  waiting: (of) =>
    scope.everywhere(async (tx) => {
      findProvider(providers, of.provider);
      const firmId = await firmOfAccount(tx, of);
      if (firmId === null) throw stillUnmapped(of.provider, of.account);
      const { slug } = await tx.firm.findUniqueOrThrow({ where: { id: firmId }, select: { slug: true } });
      const groups = await tx.webhookQuarantine.groupBy({
        by: ['eventType'],
        where: waitsFor(of),
        _count: true,
        _min: { receivedAt: true },
        orderBy: { eventType: 'asc' },
      });
      const times = groups.flatMap(({ _min }) => _min.receivedAt?.getTime() ?? []);
      return {
        firmSlug: slug,
        count: groups.reduce((sum, { _count }) => sum + _count, 0),
        types: groups.map(({ eventType, _count }) => ({ type: eventType, count: _count })),
        oldest: times.length === 0 ? null : new Date(Math.min(...times)),
      };
    }),

  waitingIds: (of, after, limit) =>
    scope.everywhere(async (tx) => {
      const rows = await tx.webhookQuarantine.findMany({
        where: { ...waitsFor(of), ...(after === null ? {} : { id: { gt: BigInt(after) } }) },
        select: { id: true },
        orderBy: { id: 'asc' },
        take: limit,
      });
      return rows.map(({ id }) => id.toString());
    }),
});

const waitsFor = ({ provider, account }: { provider: string; account: string }) =>
  ({ provider, account, reason: 'account_unknown', resolvedAt: null }) as const;

function checkReason(reason: string): void {
  if ((quarantineReasons as readonly string[]).includes(reason)) return;
  throw new AdminError(
    'input_invalid',
    `"${reason}" is not a reason`,
    `choose one of: ${quarantineReasons.join(', ')}`,
  );
}

async function findRow(tx: Transaction, id: string): Promise<Row> {
  const row = /^\d{1,18}$/.test(id)
    ? await tx.webhookQuarantine.findUnique({ where: { id: BigInt(id) } })
    : null;
  if (row === null)
    throw new AdminError(
      'quarantine_unknown',
      `There is no row "${id}" in quarantine`,
      'list the quarantine',
    );
  return row;
}

async function findOpenRow(tx: Transaction, id: string): Promise<Row> {
  const row = await findRow(tx, id);
  if (row.resolvedAt !== null) throw alreadyResolved(row.id, row.resolution);
  return row;
}

/** Throws `already_resolved` if someone else was faster. */
async function resolve(tx: Transaction, id: bigint, resolution: 'released' | 'discarded'): Promise<Date> {
  const resolvedAt = new Date();
  const { count } = await tx.webhookQuarantine.updateMany({
    where: { id, resolvedAt: null },
    data: { resolvedAt, resolution },
  });
  if (count === 0) throw alreadyResolved(id, (await findRow(tx, String(id))).resolution);
  return resolvedAt;
}

const alreadyResolved = (id: bigint, resolution: string | null) =>
  new AdminError(
    'already_resolved',
    `Row ${id} was ${resolution} before`,
    'leave it: nothing is left to do with it',
  );

/** The firm of the event. A firm's endpoint receives events of that firm alone. Throws `still_unmapped`. */
async function firmOf(tx: Transaction, row: Row): Promise<{ id: string; slug: string }> {
  const endpoint = await tx.webhookEndpoint.findUniqueOrThrow({ where: { id: row.endpointId } });
  const firmId =
    row.reason === 'owner_collision' ? row.firmId : (endpoint.firmId ?? (await firmOfAccount(tx, row)));
  if (firmId !== null)
    return tx.firm.findUniqueOrThrow({ where: { id: firmId }, select: { id: true, slug: true } });
  if (row.account === null)
    throw new AdminError(
      'still_unmapped',
      `Row ${row.id} names no account, so its firm is unknown`,
      'discard it',
    );
  throw stillUnmapped(row.provider, row.account);
}

const stillUnmapped = (provider: string, account: string) =>
  new AdminError(
    'still_unmapped',
    `The ${provider} account "${account}" is not mapped to a firm`,
    'map it, then release again',
  );

async function firmOfAccount(
  tx: Transaction,
  { provider, account }: Pick<Row, 'provider' | 'account'>,
): Promise<string | null> {
  if (account === null) return null;
  const mapping = await tx.webhookAccount.findUnique({ where: { provider_account: { provider, account } } });
  return mapping?.firmId ?? null;
}

async function belongsToOther(tx: Transaction, providers: Providers, event: WebhookEvent): Promise<boolean> {
  const row = await findLedgerRow(tx, findProvider(providers, event.provider), event.eventId);
  return row !== null && row.firm_id !== event.firmId;
}

/** The job contains the body, whatever its size: the console's role may not write to `webhook_bodies`. */
const toWebhookEvent = (row: Row, firmId: string): WebhookEvent => ({
  v: 2,
  firmId,
  provider: row.provider,
  eventId: row.eventId,
  type: row.eventType,
  channel: row.channel,
  endpointId: row.endpointId,
  account: row.account,
  createdAtMs: row.providerCreatedAt?.getTime() ?? null,
  receivedAtMs: row.receivedAt.getTime(),
  body: toBody(Buffer.from(row.eventRaw)),
  sha256: row.bodySha256,
  ignored: row.ignoredReason,
});
