import type { Prisma } from '../generated/client.js';
import { findFirm } from './firms.js';
import { type PlainRow, toPlainRow } from './plain.js';
import type { Scope, Transaction } from './scope.js';

/** The firm that an action changes; null: the platform, or not known yet. */
export type ActionFirm = { id: string } | { slug: string } | null;

/** One row: who does what to which firm. Neither `params` nor `result` may contain a secret. */
export interface OperatorAction {
  /** Shared by the rows of one command. */
  runId: string;
  operator: string;
  action: string;
  firm: ActionFirm;
  params: PlainRow;
  /** null: recorded before the action runs. */
  result: PlainRow | null;
}

export interface ActionFilter {
  firmSlug?: string;
  action?: string;
  since?: Date;
  /** The id of the last row of the previous page. */
  after?: string;
  limit: number;
}

export interface OperatorActions {
  /** Commits these rows together, or none of them. Throws `firm_unknown`. */
  record(actions: readonly OperatorAction[]): Promise<void>;
  /** Newest first. */
  list(filter: ActionFilter): Promise<PlainRow[]>;
}

export const operatorActionsOf = (scope: Scope): OperatorActions => ({
  record: (actions) =>
    scope.everywhere(async (tx) => {
      const data: Prisma.OperatorActionCreateManyInput[] = [];
      for (const { firm, params, result, ...row } of actions)
        data.push({
          ...row,
          firmId: await idOf(tx, firm),
          params: params as Prisma.InputJsonObject,
          ...(result === null ? {} : { result: result as Prisma.InputJsonObject }),
        });
      await tx.operatorAction.createMany({ data });
    }),

  list: ({ firmSlug, action, since, after, limit }) =>
    scope.everywhere(async (tx) => {
      const rows = await tx.operatorAction.findMany({
        where: {
          ...(action === undefined ? {} : { action }),
          ...(since === undefined ? {} : { at: { gte: since } }),
          ...(firmSlug === undefined ? {} : { firmId: (await findFirm(tx, firmSlug)).id }),
        },
        include: { firm: { select: { slug: true } } },
        orderBy: { id: 'desc' },
        ...(after === undefined ? {} : { cursor: { id: BigInt(after) }, skip: 1 }),
        take: limit,
      });
      return rows.map(({ firm, ...row }) => toPlainRow({ ...row, firmSlug: firm?.slug ?? null }));
    }),
});

async function idOf(tx: Transaction, firm: ActionFirm): Promise<string | null> {
  if (firm === null) return null;
  return 'id' in firm ? firm.id : (await findFirm(tx, firm.slug)).id;
}
