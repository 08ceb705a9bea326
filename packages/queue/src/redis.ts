import { StoreUnavailableError } from '@semel/core';
import type { RedisOptions } from 'ioredis';
import { openTopology, type Redis } from './topology.js';

/**
 * For a process that answers requests: a command fails at once while Redis is away, and soon while it is slow. A connection
 * that stays silent for twice as long is replaced: its peer may be gone without a word, and would never answer again.
 */
export const openProducerRedis = (url: string, commandTimeoutMs: number): Redis =>
  openTopology(url, {
    enableOfflineQueue: false,
    commandTimeout: commandTimeoutMs,
    socketTimeout: 2 * commandTimeoutMs,
    maxRetriesPerRequest: 0,
    // What was refused failed already: only the connection can be helped.
    reconnectOnError: (error) => isDemotion(error),
  });

export interface ConsumerRedis {
  connection: Redis;
  /** Ends it, and the copy that BullMQ makes of it to wait on. */
  disconnect(): void;
}

/** For BullMQ workers, which wait for as long as it takes, but not on a connection that is silent for longer than they asked for. */
export function openConsumerRedis(url: string): ConsumerRedis {
  const open = (connectionName?: string) =>
    openTopology(url, {
      socketTimeout: 5_000,
      maxRetriesPerRequest: null,
      // What was refused did nothing: it is sent again to the new master.
      reconnectOnError: (error) => (isDemotion(error) ? 2 : false),
      ...(connectionName === undefined ? {} : { connectionName }),
    });
  const connection = open();
  const opened = [connection];
  // BullMQ hands a single connection's options over as the first, those of a cluster's as the second.
  const duplicate = (own?: RedisOptions, cluster?: { redisOptions?: RedisOptions }): Redis => {
    const copy = open((own ?? cluster?.redisOptions)?.connectionName);
    opened.push(copy);
    return copy;
  };
  Object.assign(connection, { duplicate });
  return {
    connection,
    disconnect: () => {
      for (const redis of opened) redis.disconnect();
    },
  };
}

/** The server was a master and is a replica now: the client would stay with it, and be refused, for ever. */
const isDemotion = ({ message }: Error): boolean => /^(READONLY|UNBLOCKED)\b/.test(message);

/** Runs a Redis or BullMQ call of the producer; whatever fails there is a store that can't be used now. */
export async function onRedis<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new StoreUnavailableError('redis', error);
  }
}
