import type { Change, Order, WebhookEvent } from '@semel/core';

/** The expected behaviour of the database's guard, written independently without a database. */
export interface Guard {
  order: Order;
  receivedAtMs: number;
  eventId: string;
}

export interface ModelRow {
  fields: Change['fields'];
  latest: Record<string, string | null>;
  guard: Guard;
}

export type Model = Map<string, ModelRow>;

/** Fields that no event overwrites: the least value of all events. */
const lasting: Record<string, readonly string[]> = {
  message: ['from_number', 'to_number', 'messaging_service_sid', 'account_sid'],
  payment: ['own_paid_at'],
  refund: ['refunded_at'],
};

type Received = Pick<WebhookEvent, 'eventId' | 'receivedAtMs'>;

export const guardOf = ({ eventId, receivedAtMs }: Received, { order }: Pick<Change, 'order'>): Guard => ({
  order,
  receivedAtMs,
  eventId,
});

/** The guard of a missing row. */
const below: Guard = { order: { rank: -1, timeNs: 0n, step: [] }, receivedAtMs: 0, eventId: '' };

/** Applies one event's changes to the rows. */
export function step(rows: Model, event: Received, changes: readonly Change[]): void {
  for (const change of changes) {
    const { entity, externalId, fields, latest = {}, order } = change;
    const key = `${entity} ${externalId}`;
    const guard = guardOf(event, change);
    const row = rows.get(key) ?? { fields: {}, latest: {}, guard: below };
    const kept = { ...row.latest };
    for (const [name, time] of Object.entries(latest))
      if (time !== null && time > (kept[name] ?? '')) kept[name] = time;
    const isNewer = order.rank >= 0 && isGreater(guard, row.guard);
    const state = { ...(isNewer ? fields : row.fields) };
    for (const name of lasting[entity] ?? []) {
      const texts = [row.fields[name], fields[name]].filter((value) => typeof value === 'string').sort();
      if (texts[0] !== undefined) state[name] = texts[0];
    }
    rows.set(key, { fields: state, latest: kept, guard: isNewer ? guard : row.guard });
  }
}

export const isGreater = (a: Guard, b: Guard): boolean => compare(partsOf(a), partsOf(b)) > 0;

const partsOf = ({ order, receivedAtMs, eventId }: Guard): unknown[] => [
  order.rank,
  order.timeNs,
  order.step,
  receivedAtMs,
  Buffer.from(eventId).toString('hex'), // compared as bytes
];

/** Compares member by member; if all are equal, the longer one is greater. */
function compare(a: readonly unknown[], b: readonly unknown[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const [x, y] = [a[at], b[at]];
    const by =
      Array.isArray(x) && Array.isArray(y)
        ? compare(x, y)
        : x === y
          ? 0
          : (x as never) > (y as never)
            ? 1
            : -1;
    if (by !== 0) return by;
  }
  return a.length - b.length;
}

/** Sorted, so that the order of creation does not matter. */
export const stateOf = (rows: Model): unknown[] =>
  [...rows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, row]) => [key, row.fields, Object.entries(row.latest).sort(), textOf(row.guard)]);

const textOf = ({ order, ...guard }: Guard) => ({ ...guard, ...order, timeNs: String(order.timeNs) });

/** Numbers as JavaScript and Postgres both print them. */
export const isOrder = ({ rank, timeNs, step }: Order): boolean =>
  [rank, ...step].every(Number.isSafeInteger) && timeNs >= 0n && timeNs < 2n ** 63n;
