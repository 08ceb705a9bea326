import type { Change, WebhookEvent } from '@semel/core';

/** What the guard of the store must do, written down once more without a database. */
export interface ModelRow {
  fields: Change['fields'];
  latest: Record<string, string | null>;
  guard: [number, number, string];
}

export type Model = Map<string, ModelRow>;

/** One event's changes, after all that came before. */
export function step(rows: Model, event: Pick<WebhookEvent, 'eventId'>, changes: readonly Change[]): void {
  for (const { entity, externalId, fields, latest = {}, order } of changes) {
    const key = `${entity} ${externalId}`;
    const guard: ModelRow['guard'] = [...order, event.eventId];
    const row = rows.get(key) ?? { fields: {}, latest: {}, guard: [-1, 0, ''] };
    const kept = { ...row.latest };
    for (const [name, time] of Object.entries(latest))
      if (time !== null && time > (kept[name] ?? '')) kept[name] = time;
    const isNewer = order[0] >= 0 && isGreater(guard, row.guard);
    rows.set(key, isNewer ? { fields, latest: kept, guard } : { ...row, latest: kept });
  }
}

export function isGreater(a: ModelRow['guard'], b: ModelRow['guard']): boolean {
  const at = a.findIndex((part, index) => part !== b[index]);
  return at !== -1 && (a[at] as never) > (b[at] as never);
}

/** Comparable, whatever the order in which the rows were made. */
export const stateOf = (rows: Model): unknown[] =>
  [...rows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, row]) => [key, row.fields, Object.entries(row.latest).sort(), row.guard]);
