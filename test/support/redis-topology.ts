import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRedis, type Guarded, spawnGuarded } from '@semel/start/servers';
import { Redis } from 'ioredis';
import { freePort, startRedis, type TestRedisOptions, type TestServer, waitUntil } from './servers.js';

/** Why these servers cannot start here, or false: a containerised server does not see the others on this loopback. */
export const noTopology: string | false =
  findRedis().command('', 0).command === 'docker' && 'needs redis-server on PATH';

const fast = { appendonly: 'no', 'repl-diskless-sync-delay': '0', 'repl-ping-replica-period': '1' };

/** Queries one server on its own connection. */
export async function ask<T>(port: number, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(port, '127.0.0.1', { retryStrategy: () => null, commandTimeout: 2_000 });
  redis.on('error', () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

export interface SentinelSet {
  readonly url: string;
  readonly master: TestServer;
  readonly replica: TestServer;
  /** The master's port according to the Sentinels. */
  masterPort(): Promise<number>;
  /** Forces a failover without a failure: the master becomes a replica. */
  failover(): Promise<void>;
  stop(): Promise<void>;
}

const masterName = 'semel';

/** A master, a replica, and three Sentinels that call the master down after one second of silence. */
export async function startSentinelSet(settings: TestRedisOptions['settings'] = {}): Promise<SentinelSet> {
  const [master, replica] = await Promise.all(
    [0, 1].map(() => startRedis({ settings: { ...fast, ...settings } })),
  );
  if (master === undefined || replica === undefined) throw new Error('no servers');
  await ask(replica.port, (redis) => redis.replicaof('127.0.0.1', master.port));
  await waitUntil(
    () =>
      ask(replica.port, async (redis) => (await redis.info('replication')).includes('master_link_status:up')),
    {
      what: 'the replica follows',
    },
  );
  const sentinels = await Promise.all([0, 1, 2].map(() => startSentinel(master.port)));
  const asked = sentinels[0] as Sentinel;
  await waitUntil(
    () =>
      ask(asked.port, async (redis) => {
        const [known] = (await redis.call('SENTINEL', 'MASTERS')) as string[][];
        const of = (name: string) => Number(known?.[known.indexOf(name) + 1]);
        return of('num-slaves') === 1 && of('num-other-sentinels') === 2;
      }),
    { what: 'the Sentinels know each other and the replica' },
  );
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${masterName}`,
    master,
    replica,
    masterPort: () =>
      ask(asked.port, async (redis) => {
        const [, port] = (await redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)) as string[];
        return Number(port);
      }),
    async failover() {
      await ask(asked.port, (redis) => redis.call('SENTINEL', 'FAILOVER', masterName));
    },
    async stop() {
      await Promise.all([...sentinels, master, replica].map((server) => server.stop()));
    },
  };
}

interface Sentinel {
  readonly port: number;
  stop(): Promise<void>;
}

async function startSentinel(masterPort: number): Promise<Sentinel> {
  const dir = mkdtempSync(join(tmpdir(), 'semel-sentinel-'));
  const port = await freePort();
  const file = join(dir, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor ${masterName} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${masterName} 1000`,
    `sentinel failover-timeout ${masterName} 5000`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const { command, args } = findRedis().command(file, port);
  const server: Guarded = await spawnGuarded({
    command,
    args: [...args, '--sentinel'],
    cwd: dir,
    logFile: join(dir, 'sentinel.log'),
    orphan: { signal: 'SIGKILL', killAfterMs: 1_000 },
    removeDir: dir,
  });
  await waitUntil(() => ask(port, (redis) => redis.ping()), { what: 'the Sentinel answers' });
  return {
    port,
    async stop() {
      await server.stop('SIGTERM', 5_000);
      rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

export interface ClusterSet {
  readonly url: string;
  readonly masters: readonly TestServer[];
  /** The replica of the first master, so that this master may die. */
  readonly replica: TestServer;
  stop(): Promise<void>;
}

const slots = 16_384;

/** Three masters, and a replica of the one that holds `key`: the cluster survives its loss. */
export async function startClusterSet(key: string): Promise<ClusterSet> {
  const nodes = await Promise.all([0, 1, 2, 3].map(startNode));
  const [first, second, third, replica] = nodes as [Node, Node, Node, Node];
  const ranges = [0, 1, 2].map(
    (i) => [Math.ceil((slots * i) / 3), Math.ceil((slots * (i + 1)) / 3) - 1] as const,
  );
  const slot = await ask(first.server.port, (redis) => redis.cluster('KEYSLOT', key));
  const without = ([from, to]: readonly [number, number]) => Number(slot < from || slot > to);
  ranges.sort((a, b) => without(a) - without(b));
  for (const [i, { server }] of [first, second, third].entries())
    await ask(server.port, (redis) =>
      redis.call('CLUSTER', 'ADDSLOTSRANGE', ...(ranges[i] as [number, number])),
    );
  for (const { server, busPort } of [second, third, replica])
    await ask(first.server.port, (redis) => redis.call('CLUSTER', 'MEET', '127.0.0.1', server.port, busPort));
  await everyNodeSays(nodes, (info) => info.includes('cluster_known_nodes:4'), 'the nodes know each other');
  const firstId = await ask(first.server.port, (redis) => redis.call('CLUSTER', 'MYID'));
  await waitUntil(
    () => ask(replica.server.port, (redis) => redis.call('CLUSTER', 'REPLICATE', firstId as string)),
    {
      what: 'the replica knows its master',
    },
  );
  await everyNodeSays(nodes, (info) => info.includes('cluster_state:ok'), 'the cluster is whole');
  await waitUntil(
    () =>
      ask(replica.server.port, async (redis) =>
        (await redis.info('replication')).includes('master_link_status:up'),
      ),
    { what: 'the replica follows' },
  );
  return {
    url: `redis+cluster://${[third, second].map(({ server }) => `127.0.0.1:${server.port}`).join(',')}`,
    masters: [first.server, second.server, third.server],
    replica: replica.server,
    async stop() {
      await Promise.all(nodes.map(({ server }) => server.stop()));
    },
  };
}

interface Node {
  server: TestServer;
  busPort: number;
}

async function startNode(): Promise<Node> {
  const busPort = await freePort();
  const settings = {
    ...fast,
    'cluster-enabled': 'yes',
    'cluster-port': String(busPort),
    'cluster-node-timeout': '1500',
    'cluster-config-file': 'nodes.conf',
  };
  return { server: await startRedis({ settings }), busPort };
}

const everyNodeSays = (nodes: readonly Node[], so: (info: string) => boolean, what: string) =>
  waitUntil(
    async () => {
      const infos = nodes.map(({ server }) => ask(server.port, (redis) => redis.cluster('INFO')));
      return (await Promise.all(infos)).every(so);
    },
    { what },
  );
