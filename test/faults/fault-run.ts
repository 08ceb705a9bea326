import { setTimeout as sleep } from 'node:timers/promises';
import { openLogs } from './app-logs.js';
import { providerNames } from './bodies.js';
import type { AppSettings } from './fault-app.js';
import { type FaultHarness, sendersOn } from './fault-harness.js';
import { type FaultContext, type FaultKind, lanes } from './fault-kinds.js';
import { type Counts, openOracle, type Verdict } from './oracle.js';
import { percentile } from './percentile.js';
import { type PlannedFault, planEvents, planFaults } from './plan.js';
import { type Random, randomOf } from './random.js';
import type { Sent } from './senders.js';

/** A part of a run with its own settings. It ends when all accepted events are applied. */
export interface Round {
  events: number;
  /** What a 200 means, by provider; default `queue`. */
  durability: AppSettings['durability'];
  /** Whether every 200 is promised to survive a flush of Redis. */
  survivesFlush: boolean;
  /** Number of faults of each kind. */
  faults: ReadonlyMap<FaultKind, number>;
}

export interface RunOptions {
  harness: FaultHarness;
  seed: number;
  rounds: readonly Round[];
  /** After this long without progress, missing events count as lost. */
  patienceMs: number;
  /** Requests per second that the load never exceeds. */
  fastest?: number;
  /** Once aborted, the run ends after the current round. */
  signal?: AbortSignal;
  onProgress?(progress: Progress): void;
  /** Called after each round with the result so far. */
  onRound?(done: RoundDone): void;
}

/** Counts up to the end of a round, and the verdict on them. */
export interface RoundDone {
  round: number;
  events: number;
  faults: number;
  verdict: Verdict;
  counts: Counts;
}

export interface Progress {
  round: number;
  events: number;
  faults: number;
  allFaults: number;
  acknowledged: number;
  /** Deliveries waiting for an answer or for their next attempt. */
  unresolved: number;
  /** Attempts of the worker, successful or not. */
  attempts: number;
  doing: string;
}

export interface RunResult {
  faults: Map<string, { wanted: number; happened: number }>;
  events: number;
  deliveries: number;
  outcomes: Map<string, number>;
  unanswered: number;
  acknowledged: number;
  verdict: Verdict;
  /** Processes that ended unexpectedly, and faults that could not be caused: one line each. */
  surprises: string[];
  counts: Counts;
  duplicates: Map<string, number>;
  /** From the end of the last fault and delivery until all was applied, milliseconds; the longest of the rounds. */
  drainMs: number;
  answerP99Ms: number;
  seconds: number;
}

/** The load while faults take longer than planned, requests per second. */
const slowest = 15;
/** A fault starts once at most this many deliveries are in trouble, or after the maximum wait. */
const troubled = 60;
const respiteMs = 5_000;
/** Deliveries in trouble at which no new events are sent. */
const overload = 120;
/** How far the events may run ahead of the faults before the load slows down. */
const aheadEvents = 20;

/** Runs load and faults together, then waits for quiet and asks the oracle. */
export async function runFaults(options: RunOptions): Promise<RunResult> {
  const { harness, seed, rounds } = options;
  const startedMs = Date.now();
  const oracle = openOracle(harness.databaseUrl);
  const logs = openLogs(harness.dir);
  const senders = sendersOn(harness, { seed });
  const context: FaultContext = {
    harness,
    senders,
    oracle,
    flushes: [],
    survivesFlush: false,
    redisTurn: turns(),
    postgresTurn: turns(),
  };
  const faults: RunResult['faults'] = new Map();
  const allFaults = rounds.flatMap((round) => [...round.faults.values()]).reduce((sum, n) => sum + n, 0);
  const happened = () => [...faults.values()].reduce((sum, each) => sum + each.happened, 0);
  const surprises: string[] = [];
  const events = planEvents(seed, { firms: harness.firms.length });
  const underway = new Set<Promise<unknown>>();
  let begun = 0;
  let drainMs = 0;
  let number = 0;
  let doing: () => string = () => '';

  const ticking = setInterval(async () => {
    options.onProgress?.({
      round: number,
      events: begun,
      faults: happened(),
      allFaults,
      acknowledged: senders.sent.filter(({ acknowledgedAtMs }) => acknowledgedAtMs !== null).length,
      unresolved: senders.unresolved,
      attempts: await oracle.attempts().catch(() => 0),
      doing: doing(),
    });
  }, 1_000);

  const judge = () =>
    oracle.judge({ sent: senders.sent, refusals: senders.refusals, mayBeLost: mayBeLost() });

  for (const round of rounds) {
    if (options.signal?.aborted) break;
    number++;
    for (const [{ name }, n] of round.faults) {
      const before = faults.get(name) ?? { wanted: 0, happened: 0 };
      faults.set(name, { ...before, wanted: before.wanted + n });
    }
    context.survivesFlush = round.survivesFlush;
    await Promise.all(
      harness.receivers.map(async ({ app }) => {
        app.configure({ durability: round.durability });
        await app.stop(10_000);
        await app.start();
      }),
    );
    await runRound(round);
    doing = () => 'until all is applied';
    const quietMs = Date.now();
    await Promise.race([Promise.all(underway), sleep(90_000, undefined, { ref: false })]);
    await untilApplied();
    drainMs = Math.max(drainMs, Date.now() - quietMs);
    options.onRound?.({ round: number, events: begun, faults: happened(), ...(await judge()) });
  }
  senders.stop();
  clearInterval(ticking);
  const { verdict, counts } = await judge();
  await oracle.close();

  const outcomes = new Map<string, number>();
  for (const each of senders.sent)
    for (const [outcome, n] of each.outcomes) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + n);
  const sum = (of: (sent: (typeof senders.sent)[number]) => number) =>
    senders.sent.reduce((total, each) => total + of(each), 0);
  return {
    faults,
    events: senders.sent.length,
    deliveries: sum(({ deliveries }) => deliveries),
    outcomes,
    unanswered: sum(({ unanswered }) => unanswered),
    acknowledged: sum(({ acknowledgedAtMs }) => (acknowledgedAtMs === null ? 0 : 1)),
    verdict,
    surprises: [
      ...surprises,
      ...[...harness.receivers, ...harness.workers].flatMap(({ app }) => app.surprises),
    ],
    counts,
    duplicates: logs.read().duplicates,
    drainMs,
    answerP99Ms: percentile(senders.answerMs, 0.99),
    seconds: (Date.now() - startedMs) / 1000,
  };

  /** The load continues until its events are sent and its faults are over. */
  async function runRound(round: Round): Promise<void> {
    const until = begun + round.events;
    const running = lanes.map((lane) => {
      const kinds = new Map(
        [...round.faults].filter(([kind]) => kind.lane === lane).map(([{ name }, n]) => [name, n]),
      );
      const random = randomOf(seed, `${lane} ${number}`);
      const plan = planFaults(random, kinds, { from: begun, events: round.events });
      return { plan, random, done: 0, doing: '' };
    });
    doing = () => running.flatMap((lane) => lane.doing || []).join(', ');
    const behind = () =>
      running.some(({ plan, done }) => (plan[done]?.atEvent ?? Infinity) < begun - aheadEvents);
    let over = false;
    const aside: Promise<void>[] = [];
    const done = Promise.all(
      running.map(async (lane) => {
        for (const fault of lane.plan) {
          while (begun < fault.atEvent) await sleep(10);
          await untilLoadIsBack();
          lane.doing = fault.kind;
          const kind = kindOf(round, fault);
          const happening = makeHappen(kind, lane.random);
          if (kind.aside) aside.push(happening);
          else await happening;
          lane.doing = '';
          lane.done++;
        }
      }),
    )
      .then(() => Promise.all(aside))
      .then(() => {
        over = true;
      });
    while (begun < until || !over) {
      const sending = senders.send(events.next().value).finally(() => underway.delete(sending));
      underway.add(sending);
      begun++;
      await sleep(1_000 / (behind() || begun >= until ? slowest : (options.fastest ?? 120)));
      while (senders.unresolved > overload) await sleep(20);
    }
    await done;
  }

  /** A store that is down cannot fail again: the next fault waits until the last ones are mostly over. */
  async function untilLoadIsBack(): Promise<void> {
    for (const until = Date.now() + respiteMs; senders.unresolved > troubled && Date.now() < until; )
      await sleep(50);
  }

  function kindOf({ faults }: Round, { kind }: PlannedFault): FaultKind {
    return [...faults.keys()].find(({ name }) => name === kind) as FaultKind;
  }

  async function makeHappen({ name, run }: FaultKind, random: Random): Promise<void> {
    try {
      for (let i = 0; i < 5; i++)
        if (await run(context, random)) {
          const counted = faults.get(name);
          if (counted !== undefined) counted.happened++;
          return;
        }
    } catch (error) {
      surprises.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** `queue` durability does not survive a flush, nor does a 200 that was given with an alert. */
  function mayBeLost() {
    const { degraded } = context.flushes.length === 0 ? { degraded: null } : logs.read();
    return ({ acknowledgedBeganMs, facts, eventId }: Sent): boolean =>
      context.flushes.some(
        ({ atMs, survived }) =>
          acknowledgedBeganMs < atMs && (!survived || degraded?.has(`${facts.provider}:${eventId}`) === true),
      );
  }

  /** Waits until nothing is missing, or nothing has changed for too long. */
  async function untilApplied(): Promise<void> {
    let least = Infinity;
    let lookMs = 0;
    // Checking a hundred thousand events takes time, and must not slow the run down.
    for (
      let movedMs = Date.now();
      Date.now() - movedMs < options.patienceMs;
      await sleep(Math.max(200, 5 * lookMs))
    ) {
      const beganMs = Date.now();
      const { events: missing, spilled } = await oracle.missing(senders.sent, mayBeLost());
      lookMs = Date.now() - beganMs;
      if (missing + spilled === 0) return;
      if (missing + spilled < least || (await jobsAreWaiting())) {
        least = Math.min(least, missing + spilled);
        movedMs = Date.now();
      }
    }
  }

  /** While the queues have jobs, nothing counts as lost. */
  async function jobsAreWaiting(): Promise<boolean> {
    const keysOf = (provider: string, ...names: string[]) =>
      names.map((name) => `{semel:${provider}}:${provider}:${name}`);
    const counts = await Promise.all(
      providerNames.flatMap((provider) => [
        ...keysOf(provider, 'wait', 'active').map((key) => harness.redis.llen(key)),
        ...keysOf(provider, 'delayed', 'prioritized').map((key) => harness.redis.zcard(key)),
      ]),
    );
    return counts.some((n) => n > 0);
  }
}

/** Runs one piece of work after the other. */
function turns() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  };
}
