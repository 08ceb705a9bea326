import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { findRedis } from './find-redis.js';
import { type GuardedOptions, lastLine, spawnGuarded } from './guarded.js';
import type { Server } from './postgres.js';
import { commandLine, endProcess, isAlive } from './processes.js';
import { StartError } from './start-error.js';

export interface RedisOptions {
  dir: string;
  port: number;
  password?: string;
  /** Server settings beyond the durable defaults, such as `{ maxmemory: '10mb' }`. */
  settings?: Readonly<Record<string, string>>;
  logFile: string;
  orphan?: GuardedOptions['orphan'];
  removeDir?: string;
  timeoutMs?: number;
}

/** These settings make a 200 durable: every write is on disk before its answer, and nothing is evicted. */
const durable = { appendonly: 'yes', appendfsync: 'always', 'maxmemory-policy': 'noeviction', save: '' };

/** Starts Redis on 127.0.0.1, with its data in `dir`, and checks that the server that answers is the one it started. */
export async function startRedisServer(options: RedisOptions): Promise<Server> {
  const { dir, port, password, settings = {}, logFile, removeDir, timeoutMs = 60_000 } = options;
  const redis = findRedis();
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  await clearLeftOver(dir);

  const all = {
    port: String(port),
    ...redis.settings,
    dir,
    pidfile: join(dir, 'redis.pid'),
    daemonize: 'no',
    ...durable,
    ...settings,
    ...(password === undefined ? {} : { requirepass: password }),
  };
  const configFile = join(dir, 'redis.conf');
  const lines = Object.entries(all).map(([name, value]) => `${name} ${JSON.stringify(value)}\n`);
  writeFileSync(configFile, lines.join(''), { mode: 0o600 }); // not as arguments, which every user can read
  const server = await spawnGuarded({
    ...redis.command(configFile, port),
    cwd: dir,
    logFile,
    orphan: options.orphan ?? { signal: 'SIGTERM', killAfterMs: 10_000 },
    ...(removeDir === undefined ? {} : { removeDir }),
  });
  const url = `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`;
  for (const deadline = Date.now() + timeoutMs; ; await sleep(20)) {
    if (server.exit() !== null)
      throw new StartError(`Redis ended at once: ${lastLine(logFile)} (see ${logFile})`);
    const info = await readInfo(url);
    if (info?.config_file === configFile && redis.isPid(Number(info.process_id), server.pid)) break;
    if (Date.now() > deadline) {
      await server.stop('SIGTERM', 5000);
      throw new StartError(`Redis is not ready after ${timeoutMs / 1000} s: see ${logFile}`);
    }
  }
  return { ...server, url };
}

/** Ends a server that an earlier run left in this folder; another process with the same id is left alone. */
async function clearLeftOver(dir: string): Promise<void> {
  const read = (name: string) => (existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : '');
  const pid = Number(read('redis.pid').trim());
  const port = /^port "(\d+)"$/m.exec(read('redis.conf'))?.[1];
  if (pid > 0 && port !== undefined && isAlive(pid) && commandLine(pid).includes(`127.0.0.1:${port}`)) {
    await endProcess(pid, 'SIGTERM', 10_000);
  }
  rmSync(join(dir, 'redis.pid'), { force: true });
}

/** The fields of INFO once the server has loaded its data; null before. Written by hand: two commands need no client. */
export function readInfo(url: string): Promise<Record<string, string> | null> {
  const { protocol, hostname, port, username, password } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const to = { host, port: Number(port || 6379) };
  return new Promise((resolve) => {
    const socket = protocol === 'rediss:' ? connectTls({ ...to, servername: host }) : connect(to);
    let text = '';
    const finish = () => {
      socket.destroy();
      const lines = text.matchAll(/^(\w+):(.*?)\r?$/gm);
      const fields = Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
      resolve(fields.redis_version !== undefined && fields.loading === '0' ? fields : null);
    };
    socket.setTimeout(1000, finish);
    socket.on('error', finish).on('close', finish);
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.includes('semel-end')) finish();
    });
    const login = [username, password]
      .filter(Boolean)
      .map(decodeURIComponent)
      .map((word) => JSON.stringify(word));
    socket.write(
      `${login.length > 0 ? `AUTH ${login.join(' ')}\r\n` : ''}INFO everything\r\nECHO semel-end\r\n`,
    );
  });
}
