import {
  type AppName,
  appNames,
  baseUrl,
  ensureSecrets,
  loadSettings,
  type Settings,
  writeSecrets,
} from '@semel/config';
import { encryptionKey } from '@semel/database';
import { migrate } from '@semel/database/migrate';
import { providerNames } from '@semel/providers';
import { chooseLogFormat, createLogger } from '@semel/telemetry';
import { createAppEnv } from './app-env.js';
import { type AppProcess, startAppProcess } from './app-process.js';
import { takeDataFolder } from './data-folder.js';
import { seedDemo } from './demo.js';
import { keepAlive } from './keep-alive.js';
import { checkPorts } from './ports.js';
import { StartError } from './servers/index.js';
import { checkSecretsOfData, openPostgres, openRedis, type Store } from './stores.js';
import { welcome } from './welcome.js';

export interface StartOptions {
  env: NodeJS.ProcessEnv;
  /** Prints one line of progress. */
  say(line: string): void;
  /** When the command was started, in milliseconds since 1970. */
  beganAtMs: number;
}

/** Starts all of Semel. Throws `StartError` or `ConfigError`; the caller then stops what `running` holds. */
export async function start({ env, say, beganAtMs }: StartOptions, running: StartedSoFar): Promise<void> {
  const settings = loadSettings(env, providerNames);
  const { dataDir } = settings;
  running.settings = settings;
  running.release = takeDataFolder(dataDir);
  await checkPorts(settings);
  if (!env.DATABASE_URL) checkSecretsOfData(dataDir);
  const secrets = ensureSecrets(dataDir, env);
  const format = chooseLogFormat(settings.logFormat);
  const log = createLogger({ app: 'start', level: settings.logLevel, format });

  say('Starting PostgreSQL and Redis …');
  const options = { dataDir, databaseUrl: env.DATABASE_URL, redisUrl: env.REDIS_URL, secrets };
  const opened = await Promise.allSettled([openPostgres(options), openRedis(options)]);
  for (const store of opened) if (store.status === 'fulfilled') running.stores.push(store.value);
  for (const store of opened) if (store.status === 'rejected') throw store.reason;
  const [postgres, redis] = running.stores as [Store, Store];
  for (const store of running.stores) keepAlive(store, log, () => running.stopping);
  // The command line in another terminal finds the same servers, embedded or not.
  const stored = writeSecrets(dataDir, { DATABASE_URL: postgres.url, REDIS_URL: redis.url });

  const effective = loadSettings(env, providerNames);
  const database = {
    databaseUrl: postgres.url,
    passwords: effective.databasePasswords,
    encryptionKey: encryptionKey(effective.encryptionKey as Buffer),
  };
  say('Migrating …');
  await migrate(database).catch((error: Error) => {
    throw new StartError(`the database can't be used: ${describe(error)}`, { cause: error });
  });
  const seed = settings.demo ?? postgres.server !== null;
  const demo = seed ? await seedDemo(database) : [];

  if (running.stopping) return; // the stop is over: it would miss the apps
  say('Starting receiver, worker and console …');
  const appEnv = { ...env, SEMEL_DATA_DIR: dataDir, LOG_FORMAT: format };
  // From here on, Ctrl-C stops the apps before the servers.
  running.apps = appNames.map((name) =>
    startAppProcess({ name, env: createAppEnv(name, appEnv, stored), log, timeoutMs: 60_000 }),
  );
  const started = await Promise.allSettled(running.apps.map(({ ready }) => ready));
  const addresses = started.map((app) => {
    if (app.status === 'rejected') throw app.reason;
    return app.value;
  });

  if (running.stopping) return;
  const address = (name: AppName) => addresses[appNames.indexOf(name)] || baseUrl(settings[name]);
  say(
    welcome({
      seconds: (Date.now() - beganAtMs) / 1000,
      receiver: address('receiver'),
      worker: address('worker'),
      console: address('console'),
      consolePassword: effective.consolePassword as string,
      dataDir: env.SEMEL_DATA_DIR ?? null,
      demo,
    }),
  );
}

/** What runs at the moment. `start` fills it as it goes, since Ctrl-C may come at any time. */
export class StartedSoFar {
  settings: Settings | null = null;
  stores: Store[] = [];
  apps: AppProcess[] = [];
  stopping = false;
  release: () => void = () => undefined;

  /** Drains the apps, then stops the servers. */
  async stop(): Promise<void> {
    this.stopping = true;
    const graceMs = (this.settings?.shutdownTimeoutMs ?? 10_000) + 2000;
    await Promise.all(this.apps.map((app) => app.stop(graceMs)));
    await Promise.all(this.stores.map(({ server, stopSignal }) => server?.stop(stopSignal, 10_000)));
    this.release();
  }

  /** Kills everything at once. PostgreSQL and Redis recover at their next start. */
  kill(): void {
    this.stopping = true;
    for (const app of this.apps) app.kill();
    for (const { server } of this.stores) server?.kill('SIGKILL');
    this.release();
  }
}

function describe(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return (error.message || code || String(error)).split('\n')[0] as string;
}
