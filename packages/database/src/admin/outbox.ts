import { AdminError } from './admin-error.js';
import { findFirm } from './firms.js';
import { type PlainRow, toPlainRow } from './plain.js';
import type { Scope, Transaction } from './scope.js';

export interface OutboxFilter {
  status?: 'pending' | 'delivered' | 'dead';
  firmSlug?: string;
  destination?: string;
  /** The id of the last row of the previous page. */
  after?: string;
  limit: number;
}

export interface Outbox {
  /** Newest first, without payloads. */
  list(filter: OutboxFilter): Promise<PlainRow[]>;
  show(id: string): Promise<PlainRow>;
  /** Makes an effect due now. Its attempts start again from 0, unless it is pending. A delivered effect is delivered again. */
  replay(id: string): Promise<PlainRow>;
}

export const outboxOf = (scope: Scope): Outbox => ({
  list: ({ status, firmSlug, destination, after, limit }) =>
    scope.everywhere(async (tx) => {
      const rows = await tx.webhookOutbox.findMany({
        where: {
          ...(status === undefined ? {} : { status }),
          ...(destination === undefined ? {} : { destination }),
          ...(firmSlug === undefined ? {} : { firmId: (await findFirm(tx, firmSlug)).id }),
        },
        omit: { payload: true },
        include: { firm: { select: { slug: true } } },
        orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
        ...(after === undefined ? {} : { cursor: { id: after }, skip: 1 }),
        take: Math.max(1, Math.min(10_000, Math.trunc(limit))),
      });
      return rows.map(({ firm, ...row }) => toPlainRow({ ...row, firmSlug: firm.slug }));
    }),

  show: (id) => scope.everywhere(async (tx) => toPlainRow(await findRow(tx, id))),

  replay: (id) =>
    scope.everywhere(async (tx) => {
      const { attempts, status } = await findRow(tx, id);
      const row = await tx.webhookOutbox.update({
        where: { id },
        data: {
          status: 'pending',
          attempts: status === 'pending' ? attempts : 0,
          nextAttemptAt: new Date(),
          enqueuedAt: null,
        },
      });
      return toPlainRow(row);
    }),
});

async function findRow(tx: Transaction, id: string) {
  const row = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)
    ? await tx.webhookOutbox.findUnique({ where: { id } })
    : null;
  if (row === null)
    throw new AdminError('effect_unknown', `There is no row "${id}" in the outbox`, 'list the outbox');
  return row;
}
