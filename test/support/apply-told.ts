import { apply, type Provider } from '@semel/core';
import { applyStore, encryptionKey, openPool } from '@semel/database';
import type { Told } from './histories.js';
import { testEncryptionKey } from './servers.js';
import type { TestEndpoint, World } from './world.js';

export const openWorkerPool = (world: World) =>
  openPool({
    databaseUrl: world.database.url,
    encryptionKey: encryptionKey(testEncryptionKey),
    role: 'worker',
    max: 8,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 5_000,
  });

/** The worker's path without the queue: events straight into the database, for one endpoint's firm. */
export function openApplier(t: { teardown(end: () => Promise<void>): void }, world: World) {
  const pool = openWorkerPool(world);
  t.teardown(() => pool.end());
  const runTogether = async (
    provider: Provider,
    endpoint: TestEndpoint,
    told: readonly Told[],
    mark: string,
  ) => {
    const results = await apply(
      {
        provider,
        transaction: applyStore(pool, provider),
        claimsDone: async () => undefined,
        claimsReleased: async () => undefined,
      },
      told.map(({ event }) => ({
        event: {
          ...event,
          firmId: endpoint.firmId as string,
          endpointId: endpoint.id,
          eventId: `${event.eventId}${mark}`,
        },
        attempt: 1,
        lastAttempt: false,
      })),
    );
    for (const { outcome, error } of results)
      if (!['applied', 'stale', 'ignored', 'duplicate'].includes(outcome ?? ''))
        throw error ?? new Error(`${outcome}`);
    return results.map(({ outcome }) => outcome as string);
  };

  /** `groups: 1` is all in one transaction; by default each has its own. `mark` keeps the event ids of firms apart. */
  return async (
    endpoint: TestEndpoint,
    told: readonly Told[],
    { groups = told.length, mark = '' }: { groups?: number; mark?: string } = {},
  ): Promise<string[]> => {
    const size = Math.max(1, Math.ceil(told.length / groups));
    const outcomes: string[] = [];
    for (let at = 0; at < told.length; at += size) {
      const group = told.slice(at, at + size);
      // A transaction has each key once; the worker sees to that.
      const once = [...new Map(group.map((each) => [each.event.eventId, each])).values()];
      outcomes.push(...(await runTogether(endpoint.provider, endpoint, once, mark)));
    }
    return outcomes;
  };
}

export const permutations = <T>(items: readonly T[]): T[][] =>
  items.length === 0
    ? [[]]
    : items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));
