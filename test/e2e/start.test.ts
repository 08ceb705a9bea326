import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseEnv } from 'node:util';
import { appRoles, roleName } from '@semel/database';
import { providers } from '@semel/providers';
import { isAlive } from '@semel/start/servers';
import pg from 'pg';
import t, { type Test } from 'tap';
import { startSemelHost } from '../support/cli.js';
import { mainTypeOf } from '../support/harness.js';
import { freePort, waitUntil } from '../support/servers.js';

interface Start {
  child: ChildProcess;
  /** Its output for the person at the keyboard. */
  said(): string;
  /** Log lines of it and the apps. */
  logged(): string;
}

const folder = (t: Test) => {
  const dir = mkdtempSync(join(tmpdir(), 'semel-start-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));
  return dir;
};

async function settings(dataDir: string): Promise<NodeJS.ProcessEnv> {
  const [receiver, worker, console] = [await freePort(), await freePort(), await freePort()];
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    SEMEL_DATA_DIR: dataDir,
    RECEIVER_PORT: String(receiver),
    WORKER_PORT: String(worker),
    CONSOLE_PORT: String(console),
  };
}

function run(t: Test, command: string, args: string[], env: NodeJS.ProcessEnv): Start {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [said, logged] = ['', ''];
  child.stderr?.on('data', (chunk) => (said += chunk));
  child.stdout?.on('data', (chunk) => (logged += chunk));
  t.teardown(() => child.kill('SIGKILL'));
  return { child, said: () => said, logged: () => logged };
}

const npmStart = (t: Test, env: NodeJS.ProcessEnv) => run(t, 'npm', ['start', '--silent'], env);

/** The supervisor, without the installation and build of `npm start`. */
function supervise(t: Test, env: NodeJS.ProcessEnv): Start {
  const script = `import('./apps/start/src/main.ts').then(({ main }) => main(Date.now()))`;
  return run(t, process.execPath, ['--import=tsx', '--conditions=@semel/source', '--eval', script], env);
}

const isUp = (start: Start) =>
  waitUntil(() => /Semel is up, after [\d.]+ s/.test(start.said()) || start.child.exitCode !== null, {
    what: 'everything is up',
    timeoutMs: 180_000,
  });

const childrenOf = (dataDir: string, start: Start): number[] => {
  const apps = [...start.logged().matchAll(/"app":"(?:receiver|worker|console)","pid":(\d+)/g)];
  const postgres = readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0];
  const redis = readFileSync(join(dataDir, 'redis/redis.pid'), 'utf8');
  return [...new Set([...apps.map(([, pid]) => Number(pid)), Number(postgres), Number(redis)])];
};

/** Asserts that there is neither a warning nor a stack trace. Returns the log lines. */
function isQuiet(t: Test, start: Start): string[] {
  t.notMatch(start.said() + start.logged(), /^\s+at /m, 'no stack');
  const lines = start.logged().split('\n').filter(Boolean);
  for (const line of lines)
    t.match(JSON.parse(line), { level: /^(info|debug)$/ }, `nothing to worry about: ${line}`);
  return lines;
}

/** A new user's first steps: sends each provider's signed events three times each, and reads them back. */
async function eventsBecomeRows(t: Test, env: NodeJS.ProcessEnv) {
  const semel = startSemelHost(t);
  for (const provider of providers) {
    const { type, outcome } = mainTypeOf(provider);
    const sent = await semel(['send', provider.name, type, '--duplicates', '2', '--json'], { env });
    t.equal(sent.code, 0, sent.stderr);
    const { outcomes, events } = JSON.parse(sent.stdout);
    t.same(outcomes, { accepted: 1, duplicate: 2 }, `${provider.name}: once accepted`);
    const show = () => semel(['events', 'show', provider.name, events[0].eventId, '--json'], { env });
    const shown = await waitUntil(async () => ((await show()).code === 0 ? await show() : null), {
      what: `the ${provider.name} event is applied`,
    });
    const { event, attempts, changes } = JSON.parse(shown.stdout);
    t.equal(event.outcome, outcome);
    t.equal(attempts.length, 1, 'one effect');
    t.equal(changes.length > 0, outcome === 'applied');
    t.equal(await metric(env.RECEIVER_PORT, `${provider.name}_webhook_duplicate`), 2);
    t.equal(
      await metric(
        env.WORKER_PORT,
        `webhook_applied_total{provider="${provider.name}",outcome="${outcome}"}`,
      ),
      1,
    );
  }
}

async function metric(port: string | undefined, series: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return Number(line?.slice(series.length));
}

const parseEnviron = (lines: string[]): Record<string, string> =>
  Object.fromEntries(lines.map((line) => [line.replace(/=.*/s, ''), line.replace(/^[^=]*=/, '')]));

/** Reads what each app was started with, and tries every value of it as the password of every role. */
async function appsHoldOnlyTheirOwnLogin(t: Test, dataDir: string, start: Start) {
  const stored = parseEnv(readFileSync(join(dataDir, 'secrets.env'), 'utf8'));
  const owner = new URL(stored.DATABASE_URL as string);
  const users = [owner.username, ...appRoles.map(roleName)];
  const canLogIn = async (user: string, password: string) => {
    const url = new URL(owner);
    [url.username, url.password] = [user, password];
    const client = new pg.Client({ connectionString: url.href });
    try {
      await client.connect();
      await client.end();
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === '28P01') return false;
      throw error;
    }
  };
  const secrets = ['SEMEL_ENCRYPTION_KEY', 'REDIS_URL', 'EMBEDDED_REDIS_PASSWORD'];
  for (const role of appRoles) {
    const pid = new RegExp(`"app":"${role}","pid":(\\d+)`).exec(start.logged())?.[1];
    const lines = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
    const env = parseEnviron(lines);
    const held = Object.keys(stored).filter((name) => lines.join('\n').includes(stored[name] as string));
    const own = [
      `${role.toUpperCase()}_DATABASE_PASSWORD`,
      ...(role === 'console' ? ['CONSOLE_PASSWORD'] : []),
    ];
    t.strictSame(held.sort(), [...secrets, ...own].sort(), `the ${role} holds no other secret`);
    const opened = new Set<string>();
    for (const value of new Set([...Object.values(env), new URL(env.DATABASE_URL as string).password]))
      for (const user of users) if (value && (await canLogIn(user, value))) opened.add(user);
    t.strictSame([...opened], [roleName(role)], `the ${role} can log in as itself alone`);
  }
}

t.test('one command starts everything, and a signal to npm drains and stops everything', async (t) => {
  const dataDir = folder(t);
  const env = await settings(dataDir);
  const first = npmStart(t, env);
  await isUp(first);
  t.match(first.said(), `http://127.0.0.1:${env.RECEIVER_PORT}`);
  t.match(first.said(), /user admin, password \S{8,}/);
  t.equal(statSync(join(dataDir, 'secrets.env')).mode & 0o777, 0o600);
  for (const port of [env.RECEIVER_PORT, env.WORKER_PORT, env.CONSOLE_PORT]) {
    const ready = () => fetch(`http://127.0.0.1:${port}/readyz`).then(({ status }) => status === 200);
    t.ok(await waitUntil(ready, { what: `the app on ${port} is ready` }));
  }
  await eventsBecomeRows(t, env);
  if (process.platform === 'linux') await appsHoldOnlyTheirOwnLogin(t, dataDir, first);
  const pids = childrenOf(dataDir, first);
  t.equal(pids.length, 5);
  first.child.kill('SIGTERM');
  await waitUntil(() => !pids.some(isAlive), { what: 'everything has ended', timeoutMs: 15_000 });
  await waitUntil(() => first.said().includes('Stopped.'), { what: 'it prints that it stopped' });
  const lines = isQuiet(t, first);
  for (const event of ['started', 'stopped'])
    for (const app of ['receiver', 'worker', 'console'])
      t.equal(lines.filter((line) => line.includes(`"${app}.${event}"`)).length, 1, `${app}.${event}`);
});

t.test(
  'a killed supervisor takes its children with it, and its leftovers never block the next start',
  async (t) => {
    const dataDir = folder(t);
    const env = await settings(dataDir);
    const first = supervise(t, env);
    await isUp(first);
    const secrets = readFileSync(join(dataDir, 'secrets.env'), 'utf8');
    const pids = childrenOf(dataDir, first);
    first.child.kill('SIGKILL');
    await waitUntil(() => !pids.some(isAlive), { what: 'its children have ended', timeoutMs: 15_000 });

    // as after a power cut, with the process ids reused
    const lock = { pid: process.pid, startedAt: 'another time' };
    writeFileSync(join(dataDir, 'start.lock'), JSON.stringify(lock));
    writeFileSync(join(dataDir, 'postgres/postmaster.pid'), `${process.pid}\n${dataDir}/postgres\n0\n5432\n`);
    writeFileSync(join(dataDir, 'redis/redis.pid'), `${process.pid}\n`);
    const second = supervise(t, { ...env, LOG_FORMAT: 'pretty' });
    await isUp(second);
    t.match(second.said(), 'Semel is up');
    t.equal(readFileSync(join(dataDir, 'secrets.env'), 'utf8'), secrets, 'what was generated stays');

    const third = supervise(t, await settings(dataDir));
    await once(third.child, 'exit');
    t.equal(third.child.exitCode, 1);
    t.match(third.said(), /^semel: it runs already in .* \(process \d+\)/m);

    const [postgres] = childrenOf(dataDir, second).slice(-2) as [number, number];
    process.kill(postgres, 'SIGKILL');
    await waitUntil(() => second.logged().includes('server.restarted'), { what: 'PostgreSQL runs again' });
    t.match(second.logged(), /ERROR: start server\.crashed/, 'that is said');
    t.match(second.logged(), /INFO: receiver receiver\.started/);
    t.notMatch(second.logged(), /^\{/m, 'and all of them write for people, as asked');
    second.child.kill('SIGINT');
    await setTimeout(10);
    second.child.kill('SIGINT'); // npm forwards the signal that the terminal already sent
    const [code] = await once(second.child, 'exit');
    t.equal(code, 0, 'one Ctrl-C drains, it does not force');

    const fourth = supervise(t, env);
    await waitUntil(() => fourth.logged().includes('.started'), { what: 'one of its apps has started' });
    fourth.child.kill('SIGINT');
    const [early] = await once(fourth.child, 'exit');
    t.equal(early, 0, 'Ctrl-C while it starts stops it as well');
    isQuiet(t, fourth);
  },
);

t.test('a start that is impossible ends with one line that names what to change', async (t) => {
  const refuses = async (name: string, change: (env: NodeJS.ProcessEnv, dir: string) => void, line: RegExp) =>
    t.test(name, async (t) => {
      const dir = folder(t);
      const env = await settings(dir);
      change(env, dir);
      const start = supervise(t, env);
      const [code] = await once(start.child, 'close');
      t.equal(code, 1);
      const problems = start
        .said()
        .split('\n')
        .filter((text) => text.startsWith('semel: '));
      t.equal(problems.length, 1, start.said());
      t.match(problems[0], line);
      t.notMatch(start.said(), /^\s+at /m, 'no stack');
    });

  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  await refuses(
    'a port in use',
    (env) => Object.assign(env, { CONSOLE_PORT: String(port) }),
    /console is taken.*CONSOLE_PORT/,
  );
  await refuses(
    'a wrong value',
    (env) => Object.assign(env, { LOG_LEVEL: 'loud' }),
    /LOG_LEVEL: expected one of .*not `loud`/,
  );
  await refuses(
    'a file for a folder',
    (env, dir) => {
      writeFileSync(join(dir, 'file'), '');
      env.SEMEL_DATA_DIR = join(dir, 'file');
    },
    /is not a folder that can be written to.*SEMEL_DATA_DIR/,
  );
  await refuses(
    'data of something else',
    (_env, dir) => {
      mkdirSync(join(dir, 'postgres'));
      writeFileSync(join(dir, 'postgres/notes.txt'), '');
    },
    /is not a PostgreSQL data folder/,
  );
  await refuses(
    'data without its secrets',
    (_env, dir) => {
      mkdirSync(join(dir, 'postgres'));
      writeFileSync(join(dir, 'postgres/PG_VERSION'), '18\n');
    },
    /holds data, but not its secrets\.env/,
  );
  await refuses(
    'no Redis',
    (env, dir) => {
      env.PATH = join(dir, 'bin');
      mkdirSync(env.PATH);
      for (const tool of ['sh', 'id', 'ps']) symlinkSync(`/usr/bin/${tool}`, join(env.PATH, tool));
    },
    /no Redis 7 or newer/,
  );
  await refuses(
    'an old Redis',
    (env, dir) => {
      env.PATH = join(dir, 'bin');
      mkdirSync(env.PATH);
      for (const tool of ['sh', 'id', 'ps']) symlinkSync(`/usr/bin/${tool}`, join(env.PATH, tool));
      writeFileSync(join(env.PATH, 'redis-server'), '#!/bin/sh\necho "Redis server v=6.0.16"\n');
      chmodSync(join(env.PATH, 'redis-server'), 0o755);
    },
    /no Redis 7 or newer/,
  );
  await refuses(
    'an unreachable database',
    (env) => {
      env.DATABASE_URL = 'postgres://nobody:secret@127.0.0.1:9/none';
    },
    /database can't be used/,
  );
  await refuses(
    'an unreachable Redis',
    (env) => {
      env.REDIS_URL = 'redis://127.0.0.1:9';
    },
    /REDIS_URL .*can't be reached/,
  );
});

t.test('an old Node version is refused, and the error names it', async (t) => {
  const { checkNode } = (await import('../../scripts/bootstrap.mjs' as string)) as {
    checkNode(version: string): void;
  };
  t.throws(() => checkNode('18.20.4'), /needs Node.js 20\.19 or newer, and this is 18\.20\.4/);
  t.throws(() => checkNode('20.18.0'));
  for (const version of ['20.19.0', '22.0.0', '24.11.1']) t.doesNotThrow(() => checkNode(version));
});
