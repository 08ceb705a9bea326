import { parseRedisUrl, type RedisAddress } from '@semel/core';
import { Cluster, type RedisOptions, Redis as SingleRedis } from 'ioredis';
import { scripts } from './scripts.js';

/** A connection to one server, to the master that Sentinels name, or to a cluster. */
export type Redis = SingleRedis | Cluster;

/** All masters that hold keys. */
export const mastersOf = (redis: Redis): readonly SingleRedis[] =>
  redis instanceof Cluster ? redis.nodes('master') : [redis];

const reconnectDelayMs = (times: number) => Math.min(50 * 2 ** Math.min(times, 5), 1_000);

/** The options in which producers and consumers differ. */
export type ConnectionOptions = Pick<
  RedisOptions,
  | 'commandTimeout'
  | 'connectionName'
  | 'enableOfflineQueue'
  | 'maxRetriesPerRequest'
  | 'reconnectOnError'
  | 'socketTimeout'
>;

const common = {
  connectTimeout: 2_000,
  /** How long a disconnect waits for the other side, in milliseconds. */
  disconnectTimeout: 500,
  keepAlive: 10_000,
};

/** Opens a connection to a `REDIS_URL`, which reconnects by itself. Throws if the URL is invalid. */
export function openTopology(url: string, options: ConnectionOptions): Redis {
  const address = parseRedisUrl(url);
  if (address === null) throw new Error('REDIS_URL is not an address of Redis');
  const redis = open[address.kind](address, { ...common, ...options }, url);
  // Without a listener ioredis prints every failed reconnect. `/readyz` reports what is unreachable.
  redis.on('error', () => undefined);
  return redis;
}

const login = ({ username, password, tls }: RedisAddress) => ({
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
  ...(tls ? { tls: {} } : {}),
});

const open: Record<
  RedisAddress['kind'],
  (address: RedisAddress, options: ConnectionOptions & typeof common, url: string) => Redis
> = {
  single: (_address, options, url) =>
    new SingleRedis(url, { ...options, scripts, retryStrategy: reconnectDelayMs, ...pipelined(options) }),

  sentinel: (address, options) =>
    new SingleRedis({
      ...options,
      scripts,
      ...login(address),
      ...pipelined(options),
      db: address.db,
      sentinels: [...address.hosts],
      name: address.masterName,
      ...(address.sentinel.username === undefined ? {} : { sentinelUsername: address.sentinel.username }),
      ...(address.sentinel.password === undefined ? {} : { sentinelPassword: address.sentinel.password }),
      ...(address.tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
      // A frozen Sentinel accepts the connection and never answers.
      sentinelCommandTimeout: 1_000,
      // A master that is cut off from its Sentinels still takes writes, which are lost when it rejoins.
      failoverDetector: true,
      retryStrategy: reconnectDelayMs,
    }),

  // No automatic pipelines: their commands would wait without a limit for an unreachable cluster.
  cluster: (address, { enableOfflineQueue = true, reconnectOnError: _, ...options }) =>
    new Cluster([...address.hosts], {
      enableOfflineQueue,
      scripts,
      clusterRetryStrategy: reconnectDelayMs,
      slotsRefreshTimeout: 1_000,
      slotsRefreshInterval: 0, // lost nodes and MOVED answers refresh them soon enough; its timer would outlive `disconnect`
      // A request can't wait for a failover, a worker can.
      maxRedirections: enableOfflineQueue ? 16 : 4,
      redisOptions: { ...options, ...login(address) },
    }),
};

/** Commands of one tick are sent together, where requests wait for them. */
const pipelined = ({ enableOfflineQueue }: ConnectionOptions) => ({
  enableAutoPipelining: enableOfflineQueue === false,
});
