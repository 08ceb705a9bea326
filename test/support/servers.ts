import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, type Server, startPostgresServer, startRedisServer } from '@semel/start/servers';

export { freePort } from '@semel/start/servers';
export {
  createTestDatabase,
  type TestDatabase,
  testDatabaseEnv,
  testEncryptionKey,
  testPasswordEnv,
  testPasswords,
} from './database.js';
export { leakGuard } from './leak-guard.js';
export { type WaitOptions, waitUntil } from './wait-until.js';

/** A test's own server. It ends with the test process, even if that is killed. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** Of the current process; changes with `restart`. */
  readonly pid: number;
  /** Its data; removed by `stop`. */
  readonly dir: string;
  /** Default SIGKILL. Returns when the process has ended, or at once for a signal that doesn't end it. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Stops all its processes, including session backends, until `thaw`: connections stay open, and nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Restarts it with the same data, port and URL. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

export interface TestPostgresOptions {
  /** Default true, as in production; false is faster, and safe as long as only the process dies. */
  fsync?: boolean;
  settings?: Readonly<Record<string, string>>;
  /** Path of another PostgreSQL's programs instead of the embedded one's. */
  binDir?: string;
}

/** Starts a PostgreSQL cluster. `url` is the superuser's. */
export async function startPostgres({
  fsync = true,
  settings = {},
  binDir,
}: TestPostgresOptions = {}): Promise<TestServer> {
  const dir = mkdtempSync(join(tmpdir(), 'semel-postgres-'));
  const port = await freePort();
  const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
  return runServer(dir, port, 'SIGINT', () =>
    startPostgresServer({
      dir: join(dir, 'data'),
      port,
      password: 'test',
      database: 'semel',
      settings: { max_connections: '200', ...(fsync ? {} : fast), ...settings },
      logFile: join(dir, 'postgres.log'),
      orphan: { signal: 'SIGQUIT', killAfterMs: 3000 },
      removeDir: dir,
      ...(binDir === undefined ? {} : { binDir }),
    }),
  );
}

export interface TestRedisOptions {
  /** Default false. True: `appendfsync always`, as in production. */
  appendonly?: boolean;
  /** 0 or undefined: any free port. */
  port?: number;
  /** For example `{ maxmemory: '8mb' }`. */
  settings?: Readonly<Record<string, string>>;
}

/** Starts a Redis, and checks that the server that answers is the started one. */
export async function startRedis({
  appendonly = false,
  port,
  settings = {},
}: TestRedisOptions = {}): Promise<TestServer> {
  const dir = mkdtempSync(join(tmpdir(), 'semel-redis-'));
  const chosen = port || (await freePort());
  return runServer(dir, chosen, 'SIGTERM', () =>
    startRedisServer({
      dir,
      port: chosen,
      settings: { appendonly: appendonly ? 'yes' : 'no', ...settings },
      logFile: join(dir, 'redis.log'),
      orphan: { signal: 'SIGKILL', killAfterMs: 1000 },
      removeDir: dir,
    }),
  );
}

const harmless = new Set<NodeJS.Signals>(['SIGSTOP', 'SIGCONT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']);

async function runServer(
  dir: string,
  port: number,
  stopSignal: NodeJS.Signals,
  start: () => Promise<Server>,
): Promise<TestServer> {
  let server = await start();
  let frozen: number[] = [];
  const thaw = () => {
    for (const pid of frozen) signalQuietly(pid, 'SIGCONT');
    frozen = [];
    server.kill('SIGCONT');
  };
  const end = async () => {
    thaw(); // a frozen process does not handle SIGTERM
    await server.stop(stopSignal, 5000);
  };
  return {
    url: server.url,
    port,
    dir,
    get pid() {
      return server.pid;
    },
    async kill(signal = 'SIGKILL') {
      server.kill(signal);
      if (!harmless.has(signal)) await server.exited();
    },
    freeze() {
      server.kill('SIGSTOP'); // first, so that it starts no new children
      frozen = childrenOf(server.pid);
      for (const pid of frozen) signalQuietly(pid, 'SIGSTOP');
    },
    thaw,
    async restart() {
      await end();
      server = await retry(start);
    },
    async stop() {
      await end();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** PostgreSQL has a process per session. A slim Linux image has no `ps`, other systems have no `/proc`. */
function childrenOf(pid: number): number[] {
  const pairs = existsSync('/proc/self/stat')
    ? readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map((name) => [Number(name), parentOf(name)])
    : spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
        .stdout.split('\n')
        .map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []));
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(
      stat
        .slice(stat.lastIndexOf(')') + 1)
        .trim()
        .split(' ')[1],
    );
  } catch {
    return 0; // it has already ended
  }
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has already ended
  }
}

/** A killed postmaster's backends hold its shared memory for a moment, and a new one refuses to start meanwhile. */
async function retry(start: () => Promise<Server>): Promise<Server> {
  for (const deadline = Date.now() + 10_000; ; await sleep(200)) {
    try {
      return await start();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/** A name that no other test uses. */
export const uniqueName = (prefix: string): string => `${prefix}_${randomBytes(6).toString('hex')}`;
