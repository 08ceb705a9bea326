import type { ApplyPorts, Provider, WebhookEvent } from '@semel/core';
import { applyStore, openPool } from '@semel/database';
import type pg from 'pg';
import type { Harness, TestEndpoint } from './harness.js';
import type { BuiltEvent } from './histories.js';
import { planAndApply } from './plan-and-apply.js';
import { testPasswords } from './servers.js';

// The worker's path without the queue.

export const openWorkerPool = (harness: Pick<Harness, 'database'>) =>
  openPool({
    databaseUrl: harness.database.url,
    passwords: { worker: testPasswords.worker },
    role: 'worker',
    max: 8,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 5_000,
  });

export const portsOf = (pool: pg.Pool, provider: Provider): ApplyPorts => ({
  provider,
  transaction: applyStore(pool, provider),
  claimsDone: async () => undefined,
  claimsReleased: async () => undefined,
});

/** Applies the events in one transaction; returns their outcomes, and throws if one of them fails. */
export async function applyTogether(
  pool: pg.Pool,
  provider: Provider,
  events: readonly WebhookEvent[],
): Promise<string[]> {
  const results = await planAndApply(
    portsOf(pool, provider),
    events.map((event) => ({ event, attempt: 1, lastAttempt: false })),
  );
  for (const { outcome, error } of results)
    if (!['applied', 'stale', 'ignored', 'duplicate'].includes(outcome ?? ''))
      throw error ?? new Error(`${outcome}`);
  return results.map(({ outcome }) => outcome as string);
}

/** Puts events straight into the database, for one endpoint's firm. */
export function openApplier(
  t: { teardown(end: () => Promise<void>): void },
  harness: Pick<Harness, 'database'>,
) {
  const pool = openWorkerPool(harness);
  t.teardown(() => pool.end());

  /** `groups: 1` is one transaction; by default each event has one. `mark` keeps the event ids of firms apart. */
  return async (
    endpoint: TestEndpoint,
    events: readonly BuiltEvent[],
    { groups = events.length, mark = '' }: { groups?: number; mark?: string } = {},
  ): Promise<string[]> => {
    const size = Math.max(1, Math.ceil(events.length / groups));
    const outcomes: string[] = [];
    for (let at = 0; at < events.length; at += size) {
      const group = events.slice(at, at + size);
      // A transaction holds each key once: the worker guarantees that.
      const once = [...new Map(group.map(({ event }) => [event.eventId, event])).values()];
      const marked = once.map((event) => ({
        ...event,
        firmId: endpoint.firmId as string,
        endpointId: endpoint.id,
        eventId: `${event.eventId}${mark}`,
      }));
      outcomes.push(...(await applyTogether(pool, endpoint.provider, marked)));
    }
    return outcomes;
  };
}
