import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { acceptFailpoints, applyFailpoints, type Failpoint } from '../support/failpoints.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { waitUntil } from '../support/wait-until.js';
import { setDiskFull } from './disk-full.js';
import type { FaultHarness, HarnessApp } from './fault-harness.js';
import type { Oracle } from './oracle.js';
import { planSpecial } from './plan.js';
import { mendedFile, poisonMark } from './poison.js';
import type { Random } from './random.js';
import type { Senders, Sent } from './senders.js';

export const flushName = 'redis flushed';

/** Faults of one lane happen one after the other, those of different lanes at the same time. */
export type Lane = 'receivers' | 'workers' | 'redis' | 'postgres' | 'traffic';
export const lanes: readonly Lane[] = ['receivers', 'workers', 'redis', 'postgres', 'traffic'];

export interface FaultContext {
  harness: FaultHarness;
  senders: Senders;
  oracle: Oracle;
  /** When Redis was flushed, and whether a 200 was promised to survive that. */
  flushes: { atMs: number; survived: boolean }[];
  /** Whether a 200 is promised to survive a flush. */
  survivesFlush: boolean;
  /** Held by the fault that makes Redis unusable. */
  redisTurn<T>(work: () => Promise<T>): Promise<T>;
  postgresTurn<T>(work: () => Promise<T>): Promise<T>;
}

export interface FaultKind {
  name: string;
  lane: Lane;
  /** A slow fault: its lane continues meanwhile. */
  aside?: true;
  /** Causes the fault and repairs it. False: it did not happen, for example no event reached the failpoint. */
  run(context: FaultContext, random: Random): Promise<boolean>;
}

/** How long a fault lasts, milliseconds. */
const spell = (random: Random) => random.int(50, 2_000);
/** How often a poison event is redelivered until it is dead. */
const resendMs = 20_000;
/** How long to wait for an event to reach a failpoint. */
const comeByMs = 10_000;

const exits = (lane: 'receivers' | 'workers', points: readonly Failpoint[]): FaultKind[] =>
  points.map((at) => ({
    name: `${lane === 'receivers' ? 'receiver' : 'worker'} exits at ${at}`,
    lane,
    run: async ({ harness }, random) => {
      const { app } = random.pick(harness[lane]);
      if (!(await app.exitAt(at, comeByMs))) return false;
      await sleep(random.int(0, 300));
      await app.start();
      return true;
    },
  }));

const ofProcess = (lane: 'receivers' | 'workers'): FaultKind[] => {
  const who = lane === 'receivers' ? 'receiver' : 'worker';
  const points: readonly Failpoint[] = lane === 'receivers' ? acceptFailpoints : applyFailpoints.slice(0, 3);
  return [
    ...exits(lane, lane === 'receivers' ? acceptFailpoints : applyFailpoints),
    {
      name: `${who} killed`,
      lane,
      run: async ({ harness }, random) => {
        const { app } = random.pick(harness[lane]);
        await app.kill();
        await sleep(random.int(0, 500));
        await app.start();
        return true;
      },
    },
    {
      name: `${who} restarted with SIGTERM`,
      lane,
      run: async ({ harness }, random) => {
        const { app } = random.pick(harness[lane]);
        await app.stop(10_000);
        await app.start();
        return true;
      },
    },
    {
      name: `${who} throws`,
      lane,
      run: ({ harness }, random) =>
        random.pick(harness[lane]).app.hitAt({ at: random.pick(points), action: 'throw' }, comeByMs),
    },
    {
      name: `${who} pauses`,
      lane,
      run: ({ harness }, random) => {
        const pauseMs = spell(random);
        return random
          .pick(harness[lane])
          .app.hitAt({ at: random.pick(points), action: 'pause', pauseMs }, comeByMs);
      },
    },
  ];
};

/** For a sabotage that only this fault detects quickly. */
const throwsInside: FaultKind = {
  name: 'worker throws inside the transaction',
  lane: 'workers',
  run: ({ harness }, random) =>
    random.pick(harness.workers).app.hitAt({ at: 'apply.insideTransaction', action: 'throw' }, comeByMs),
};

const frozenWorker: FaultKind = {
  name: 'worker frozen past its lock',
  lane: 'workers',
  run: async ({ harness }, random) => {
    const { app } = random.pick(harness.workers);
    const at = random.pick(['apply.insideTransaction', 'apply.committed'] as const);
    if (!(await app.hitAt({ at, action: 'pause', pauseMs: 100 }, comeByMs))) return false;
    app.freeze();
    await sleep(harness.lockMs + random.int(500, 1_500));
    app.thaw();
    return true;
  },
};

const onRedis = (name: string, run: FaultKind['run']): FaultKind => ({
  name,
  lane: 'redis',
  run: (context, random) => context.redisTurn(() => run(context, random)),
});

const ofRedis: FaultKind[] = [
  onRedis('redis killed', async ({ harness }, random) => {
    await harness.servers.redis.kill();
    await sleep(spell(random));
    await harness.servers.redis.restart();
    return true;
  }),
  onRedis('redis frozen', async ({ harness }, random) => {
    harness.servers.redis.freeze();
    await sleep(spell(random));
    harness.servers.redis.thaw();
    return true;
  }),
  onRedis(flushName, async ({ harness, flushes, survivesFlush }) => {
    await harness.redis.flushall();
    flushes.push({ atMs: Date.now(), survived: survivesFlush });
    return true;
  }),
  onRedis('redis at maxmemory', async ({ harness }, random) => {
    await harness.redis.config('SET', 'maxmemory', '1');
    await sleep(spell(random));
    await harness.redis.config('SET', 'maxmemory', '0');
    return true;
  }),
];

const onPostgres = (name: string, run: FaultKind['run']): FaultKind => ({
  name,
  lane: 'postgres',
  run: (context, random) => context.postgresTurn(() => run(context, random)),
});

const ofPostgres: FaultKind[] = [
  onPostgres('postgres killed', async ({ harness }, random) => {
    await harness.servers.postgres.kill();
    await sleep(spell(random));
    await harness.servers.postgres.restart();
    await untilPostgresAnswers(harness);
    return true;
  }),
  onPostgres('postgres frozen', async ({ harness }, random) => {
    harness.servers.postgres.freeze();
    await sleep(spell(random));
    harness.servers.postgres.thaw();
    return true;
  }),
  onPostgres('postgres full', async ({ harness }, random) => {
    await setDiskFull(harness.sql, true);
    await sleep(spell(random));
    await setDiskFull(harness.sql, false);
    return true;
  }),
  onPostgres('connection cut while COMMIT is in flight', async ({ harness }, random) => {
    const { ways } = random.pick(harness.workers);
    const verdict = random.pick(['cut', 'cut after'] as const);
    const cut = new Promise<boolean>((resolve) => {
      ways.postgres.judge = (sql) => {
        if (!/^COMMIT/i.test(sql)) return 'pass';
        ways.postgres.judge = null;
        resolve(true);
        return verdict;
      };
    });
    const done = await Promise.race([cut, sleep(comeByMs, false)]);
    ways.postgres.judge = null;
    return done;
  }),
];

/** Faults on the connections of some apps to one store, in that store's lane. */
const ofNetwork = (['redis', 'postgres'] as const).flatMap((store): FaultKind[] => {
  const on = (name: string, run: (ways: TcpProxy[], random: Random) => Promise<void>) =>
    (store === 'redis' ? onRedis : onPostgres)(`${name} to ${store}`, async ({ harness }, random) => {
      const apps = [...harness.receivers, ...harness.workers];
      const chosen: HarnessApp[] = random.oneIn(2) ? apps : [random.pick(apps)];
      await run(
        chosen.map(({ ways }) => ways[store]),
        random,
      );
      return true;
    });
  return [
    on('connections cut', async (ways, random) => {
      for (let i = random.int(1, 4); i > 0; i--) {
        for (const way of ways) way.cut();
        await sleep(random.int(20, 300));
      }
    }),
    on('connections reset', async (ways, random) => {
      for (let i = random.int(1, 4); i > 0; i--) {
        for (const way of ways) way.reset();
        await sleep(random.int(20, 300));
      }
    }),
    on('connections refused', async (ways, random) => {
      for (const way of ways) way.set('refusing');
      for (const way of ways) way.cut();
      await sleep(spell(random));
      for (const way of ways) way.set('open');
    }),
    on('nothing goes through', async (ways, random) => {
      for (const way of ways) way.set('dead');
      await sleep(spell(random));
      for (const way of ways) way.set('open');
      for (const way of ways) way.cut();
    }),
    on('half-open connections', async (ways, random) => {
      for (const way of ways) way.halfOpen();
      await sleep(spell(random));
    }),
    on('slow answers', async (ways, random) => {
      for (const way of ways) way.delayMs = random.int(50, 600);
      await sleep(spell(random));
      for (const way of ways) way.delayMs = 0;
    }),
    on('trickling answers', async (ways, random) => {
      for (const way of ways) way.trickle = { bytes: random.int(8, 64), everyMs: random.int(5, 30) };
      await sleep(spell(random));
      for (const way of ways) way.trickle = null;
    }),
  ];
});

const bothAway: FaultKind = {
  name: 'both stores away',
  lane: 'postgres',
  run: ({ harness, redisTurn, postgresTurn }, random) =>
    postgresTurn(() =>
      redisTurn(async () => {
        const ways = [...harness.receivers, ...harness.workers].flatMap(({ ways }) => [
          ways.postgres,
          ways.redis,
        ]);
        const way = random.pick(['refusing', 'dead'] as const);
        for (const each of ways) each.set(way);
        if (way === 'refusing') for (const each of ways) each.cut();
        await sleep(spell(random));
        for (const each of ways) each.set('open');
        for (const each of ways) each.cut();
        return true;
      }),
    ),
};

const inTraffic = (name: string, run: FaultKind['run']): FaultKind => ({ name, lane: 'traffic', run });

const aside: typeof inTraffic = (name, run) => ({ ...inTraffic(name, run), aside: true });

const ofTraffic: FaultKind[] = [
  aside('poison event', async ({ harness, senders, oracle }, random) => {
    const name = String(random.int(1, 1_000_000_000));
    const event = planSpecial(random, 'poison', harness.firms.length, poisonMark(name));
    const sent = await senders.send(event);
    try {
      // It may have been answered with `ack.degraded` and lost in the next flush, which is allowed: send it again.
      const again = setInterval(() => void senders.deliver(sent, false), resendMs);
      // Long: each outage delays it, and after a flush the sweeper must find it. The ledger marks it dead a moment
      // before the queue does; a delivery in between is a duplicate of a running event.
      await waitUntil(
        async () =>
          (await oracle.ledgerOutcome(sent.facts.provider, sent.eventId)) === 'dead' &&
          !(await isActive(harness, sent)),
        { what: 'the poison event is dead', timeoutMs: 600_000, intervalMs: 200 },
      ).finally(() => clearInterval(again));
    } finally {
      writeFileSync(mendedFile(harness.dir, name), '');
      await senders.deliver(sent, false);
    }
    return true;
  }),
  inTraffic('duplicate storm', async ({ harness, senders }, random) => {
    const event = planSpecial(random, 'storm', harness.firms.length);
    const sent = senders.record(event, event.firm);
    await Promise.all(Array.from({ length: random.int(20, 60) }, () => senders.deliver(sent, false)));
    return true;
  }),
  inTraffic('forged delivery', async ({ harness, senders }, random) => {
    await senders.send(planSpecial(random, 'forged', harness.firms.length));
    return true;
  }),
  inTraffic('same id from two firms', async ({ harness, senders }, random) => {
    const event = planSpecial(random, 'collision', harness.firms.length);
    const apart = random.oneIn(2) ? 0 : random.int(0, 500);
    await Promise.all([senders.send(event), sleep(apart).then(() => senders.send(event, event.otherFirm))]);
    return true;
  }),
];

export const faultKinds: readonly FaultKind[] = [
  ...ofProcess('receivers'),
  ...ofProcess('workers'),
  frozenWorker,
  ...ofRedis,
  ...ofPostgres,
  ...ofNetwork,
  bothAway,
  ...ofTraffic,
];

export const sabotageKinds: readonly FaultKind[] = [...faultKinds, throwsInside];

const isActive = async ({ redis }: FaultHarness, { facts: { provider }, eventId }: Sent): Promise<boolean> =>
  (await redis.lpos(`{semel:${provider}}:${provider}:active`, eventId)) !== null;

async function untilPostgresAnswers(harness: FaultHarness): Promise<void> {
  await waitUntil(
    async () => {
      const client = new pg.Client({ connectionString: harness.databaseUrl });
      client.on('error', () => undefined);
      await client.connect();
      await client.query('SELECT 1');
      await client.end();
      return true;
    },
    { what: 'Postgres answers again', timeoutMs: 30_000, intervalMs: 50 },
  );
}
