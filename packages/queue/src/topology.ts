import { parseRedisUrl, type RedisAddress } from '@semel/core';
import { Cluster, type RedisOptions, Redis as SingleRedis } from 'ioredis';
import { scripts } from './scripts.js';

/** A connection to Redis, whatever stands behind it: one server, the master that Sentinels name, or a cluster. */
export type Redis = SingleRedis | Cluster;

/** All masters that hold keys. */
export const mastersOf = (redis: Redis): readonly SingleRedis[] =>
  redis instanceof Cluster ? redis.nodes('master') : [redis];

const reconnectDelayMs = (times: number) => Math.min(50 * 2 ** Math.min(times, 5), 1_000);

/** What differs between those who answer requests and those who wait for jobs. */
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
  /** How long the other side may take to take its leave. */
  disconnectTimeout: 500,
  keepAlive: 10_000,
};

/** Opens what a `REDIS_URL` names. Throws where it is none. Connects by itself, and again and again. */
export function openTopology(url: string, options: ConnectionOptions): Redis {
  const address = parseRedisUrl(url);
  if (address === null) throw new Error('REDIS_URL is not an address of Redis');
  const redis = open[address.kind](address, { ...common, ...options }, url);
  // Without a listener every failed reconnect would be printed by ioredis; /readyz says what is away.
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
      // A frozen Sentinel takes the connection and answers nothing.
      sentinelCommandTimeout: 1_000,
      // A master that is cut off from its Sentinels goes on taking writes, which are lost when it is let in again.
      failoverDetector: true,
      retryStrategy: reconnectDelayMs,
    }),

  // Not pipelined automatically: such commands would wait for a cluster that is away, however long.
  cluster: (address, { enableOfflineQueue = true, reconnectOnError: _, ...options }) =>
    new Cluster([...address.hosts], {
      enableOfflineQueue,
      scripts,
      clusterRetryStrategy: reconnectDelayMs,
      slotsRefreshTimeout: 1_000,
      slotsRefreshInterval: 0, // a lost node and MOVED tell in time; its timer would outlive `disconnect`
      // A request can't wait for a failover, a worker can.
      maxRedirections: enableOfflineQueue ? 16 : 4,
      redisOptions: { ...options, ...login(address) },
    }),
};

/** Commands of one moment go out together, where requests wait for them. */
const pipelined = ({ enableOfflineQueue }: ConnectionOptions) => ({
  enableAutoPipelining: enableOfflineQueue === false,
});
