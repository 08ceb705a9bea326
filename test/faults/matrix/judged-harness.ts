import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { waitUntil } from '../../support/wait-until.js';
import { openLogs } from '../app-logs.js';
import { type ProviderName, providerNames } from '../bodies.js';
import { buildApps } from '../build-apps.js';
import {
  type FaultHarness,
  type FaultHarnessOptions,
  sendersOn,
  startFaultHarness,
} from '../fault-harness.js';
import { type Counts, openOracle } from '../oracle.js';
import { type PlannedEvent, planEvents } from '../plan.js';
import { closeConnections } from '../post.js';
import type { SenderOptions, Senders, Sent } from '../senders.js';
import { startServers } from '../servers.js';

/** What one matrix file runs on: servers, apps, senders, and the judge of everything sent since the file began. */
export interface JudgedHarness extends FaultHarness {
  senders: Senders;
  /** The next event of this provider, or of any provider. */
  next(provider?: ProviderName): PlannedEvent;
  /** Other senders, for example with a fixed receiver; their events are judged too. */
  sendersWith(options: Partial<SenderOptions>): Senders;
  all(): Sent[];
  /** Sends events of all providers at this rate until `end`, which returns them once all are answered or given up. */
  load(perSecond?: number): { end(): Promise<Sent[]> };
  /**
   * Waits until all is applied and no job is left, then asserts each invariant. `lostBeforeMs`: times of flushes that
   * may lose events.
   */
  judge(t: Test, options?: { lostBeforeMs?: number[]; timeoutMs?: number }): Promise<Judged>;
}

export interface Judged extends Counts {
  /** Lost in a flush that may lose events: one line each. */
  lostAllowed: string[];
  /** Duplicates that only the ledger found, since the file began. */
  ledgerDuplicates: number;
  /** Until all was applied, milliseconds. */
  drainMs: number;
}

export async function startJudgedHarness(
  options: Partial<FaultHarnessOptions> & { patience?: number } = {},
): Promise<JudgedHarness> {
  const [servers, files] = await Promise.all([startServers(), options.files ?? buildApps()]);
  const keepLogs = process.env.KEEP_LOGS === '1';
  const harness = await startFaultHarness({ firms: 3, keepLogs, ...options, servers, files });
  if (keepLogs) t.comment(harness.dir);
  const oracle = openOracle(harness.databaseUrl);
  const kinds: Senders[] = [];
  const sendersWith = (given: Partial<SenderOptions>) => {
    const senders = sendersOn(harness, { seed: kinds.length, patience: options.patience ?? 1, ...given });
    kinds.push(senders);
    return senders;
  };
  const senders = sendersWith({});
  const planned = planEvents(Date.now() % 1_000_000, { firms: harness.firms.length });
  const all = () => kinds.flatMap(({ sent }) => sent);

  t.teardown(async () => {
    for (const each of kinds) each.stop();
    await harness.stop();
    await oracle.close();
    await servers.stop();
    closeConnections();
  });

  const next: JudgedHarness['next'] = (provider) => {
    for (;;) {
      const event = planned.next().value as PlannedEvent;
      if (provider === undefined || event.facts.provider === provider) return { ...event, resends: 0 };
    }
  };

  /** Jobs that may still run. */
  async function jobsLeft(): Promise<number> {
    const counts = await Promise.all(
      providerNames.flatMap((name) => {
        const key = (part: string) => `{semel:${name}}:${name}:${part}`;
        return [
          harness.redis.llen(key('wait')),
          harness.redis.llen(key('active')),
          harness.redis.llen(key('paused')),
          harness.redis.zcard(key('delayed')),
        ];
      }),
    );
    return counts.reduce((sum, n) => sum + n, 0);
  }

  return {
    ...harness,
    senders,
    next,
    sendersWith,
    all,
    load(perSecond = 40) {
      let ended = false;
      const sending: Promise<Sent>[] = [];
      const running = (async () => {
        while (!ended) {
          sending.push(senders.send(planned.next().value as PlannedEvent));
          await sleep(1_000 / perSecond);
        }
      })();
      return {
        async end() {
          ended = true;
          await running;
          return Promise.all(sending);
        },
      };
    },
    async judge(t, { lostBeforeMs = [], timeoutMs = 60_000 } = {}) {
      const startedMs = Date.now();
      const mayBeLost = ({ acknowledgedBeganMs }: Sent) =>
        lostBeforeMs.some((atMs) => acknowledgedBeganMs < atMs);
      await waitUntil(
        async () => {
          const { events, spilled } = await oracle.missing(all(), mayBeLost);
          return events + spilled + (await jobsLeft()) === 0;
        },
        { what: 'all that was acknowledged is applied, and no job is left', timeoutMs, intervalMs: 50 },
      ).catch((error) => t.fail(String(error)));
      const drainMs = Date.now() - startedMs;
      const refusals = kinds.flatMap((senders) => senders.refusals);
      const { verdict, counts } = await oracle.judge({ sent: all(), refusals, mayBeLost });
      const { lostAllowed, ...invariants } = verdict;
      for (const [name, broken] of Object.entries(invariants)) t.same(broken, [], `${name}: none`);
      const surprises = [...harness.receivers, ...harness.workers].flatMap(({ app }) => app.surprises);
      t.same(surprises, [], 'no process ended by itself');
      const ledgerDuplicates = openLogs(harness.dir).read().duplicates.get('ledger') ?? 0;
      return { ...counts, lostAllowed, ledgerDuplicates, drainMs };
    },
  };
}

/** The first answer; the others are for later deliveries. */
export const firstOutcome = ({ outcomes }: Sent): string | undefined => [...outcomes.keys()][0];
