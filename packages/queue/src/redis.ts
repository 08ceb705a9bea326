import { StoreUnavailableError } from '@semel/core';
import type { RedisOptions } from 'ioredis';
import { openTopology, type Redis } from './topology.js';

/**
 * Opens a connection for a process that answers requests. Commands fail at once while Redis is unreachable, and after
 * `commandTimeoutMs` while it is slow. A connection that is silent for twice that time is replaced: its peer may have vanished.
 */
export const openProducerRedis = (url: string, commandTimeoutMs: number): Redis =>
  openTopology(url, {
    enableOfflineQueue: false,
    commandTimeout: commandTimeoutMs,
    socketTimeout: 2 * commandTimeoutMs,
    maxRetriesPerRequest: 0,
    // Reconnects, but does not resend the command: the caller has its error already.
    reconnectOnError: (error) => isDemotion(error),
  });

export interface ConsumerRedis {
  connection: Redis;
  /** Closes the connection, and the copies that BullMQ made of it. */
  disconnect(): void;
}

/** Opens a connection for BullMQ workers. Commands wait until Redis is back; a connection that is silent too long is replaced. */
export function openConsumerRedis(url: string): ConsumerRedis {
  const open = (connectionName?: string) =>
    openTopology(url, {
      socketTimeout: 5_000,
      maxRetriesPerRequest: null,
      // Reconnects and sends the refused command, which had no effect, to the new master.
      reconnectOnError: (error) => (isDemotion(error) ? 2 : false),
      ...(connectionName === undefined ? {} : { connectionName }),
    });
  const connection = open();
  const opened = [connection];
  // BullMQ passes the options of a single connection as the first argument, those of a cluster as the second.
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

/** True if the server is not a master any more: without a reconnect the client would stay with it and be refused for ever. */
const isDemotion = ({ message }: Error): boolean => /^(READONLY|UNBLOCKED)\b/.test(message);

/** Runs a Redis or BullMQ call of the producer. Throws every error as `StoreUnavailableError`. */
export async function onRedis<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new StoreUnavailableError('redis', error);
  }
}
