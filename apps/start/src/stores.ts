import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, readSecretsFile, type Secrets } from '@semel/config';
import { connectRedis } from '@semel/queue';
import { freePort, type Server, StartError, startPostgresServer, startRedisServer } from './servers/index.js';

/** A store as the apps see it, and its server if that is embedded. */
export interface Store {
  name: 'PostgreSQL' | 'Redis';
  url: string;
  server: Server | null;
  /** Starts the embedded server again, at the same address. */
  restart: () => Promise<Server>;
  stopSignal: NodeJS.Signals;
}

export interface StoresOptions {
  dataDir: string;
  /** From the environment only: secrets.env holds the addresses of the last embedded servers. */
  databaseUrl: string | undefined;
  redisUrl: string | undefined;
  secrets: Secrets;
}

export async function openPostgres({ dataDir, databaseUrl, secrets }: StoresOptions): Promise<Store> {
  if (databaseUrl) return external('PostgreSQL', databaseUrl);
  const port = await freePort(lastPort(secrets.DATABASE_URL));
  const start = () =>
    startPostgresServer({
      dir: join(dataDir, 'postgres'),
      port,
      password: secrets.EMBEDDED_POSTGRES_PASSWORD as string,
      database: 'semel',
      settings: { max_connections: '200', shared_buffers: '256MB' },
      logFile: join(dataDir, 'postgres.log'),
    });
  return embedded('PostgreSQL', start, 'SIGINT');
}

export async function openRedis({ dataDir, redisUrl, secrets }: StoresOptions): Promise<Store> {
  if (redisUrl) {
    await checkRedis(redisUrl);
    return external('Redis', redisUrl);
  }
  const port = await freePort(lastPort(secrets.REDIS_URL));
  const start = () =>
    startRedisServer({
      dir: join(dataDir, 'redis'),
      port,
      password: secrets.EMBEDDED_REDIS_PASSWORD as string,
      logFile: join(dataDir, 'redis.log'),
    });
  return embedded('Redis', start, 'SIGTERM');
}

/** Existing data needs the passwords that were generated for it. Without them, a start fails here with a clear error. */
export function checkSecretsOfData(dataDir: string): void {
  if (!existsSync(join(dataDir, 'postgres', 'PG_VERSION'))) return;
  if (readSecretsFile(dataDir).EMBEDDED_POSTGRES_PASSWORD !== undefined) return;
  throw new StartError(
    `${dataDir} holds data, but not its secrets.env: restore that file, or move the folder away`,
  );
}

const external = (name: Store['name'], url: string): Store => ({
  name,
  url,
  server: null,
  restart: () => Promise.reject(new Error(`${name} is not embedded: Semel can't start it`)),
  stopSignal: 'SIGTERM',
});

async function embedded(
  name: Store['name'],
  start: () => Promise<Server>,
  stopSignal: NodeJS.Signals,
): Promise<Store> {
  const server = await start();
  return { name, url: server.url, server, restart: start, stopSignal };
}

async function checkRedis(url: string): Promise<void> {
  const title = `the Redis of REDIS_URL (${addressOf(url)})`;
  const redis = await connectRedis(url).catch((cause: unknown) => {
    throw new StartError(`${title} can't be reached, or refuses the login`, { cause });
  });
  const { checkRedis: check } = await import('@semel/queue');
  try {
    await check(redis); // the apps log its warnings
  } catch (cause) {
    throw new StartError(`${title} can't be used: ${(cause as Error).message}`, { cause });
  } finally {
    redis.disconnect();
  }
}

/** The port of the last run, so that its address stays valid; 0 for any port. */
const lastPort = (url: string | undefined): number =>
  url !== undefined && URL.canParse(url) && new URL(url).hostname === '127.0.0.1'
    ? Number(new URL(url).port)
    : 0;
