import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../bootstrap.mjs';

/**
 * Runs `npm start` in a temporary folder and on free ports, independent of the environment and of `.semel/`. `semel(…)` runs the
 * command line against it; `stop` drains it and removes the folder.
 */
export async function ownSemel(settings) {
  const ports = { receiver: await freePort(), worker: await freePort(), console: await freePort() };
  const dir = mkdtempSync(join(tmpdir(), 'semel-screenshots-'));
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TZ: 'UTC',
    SEMEL_DATA_DIR: dir,
    PUBLIC_BASE_URL: `http://127.0.0.1:${ports.receiver}`,
    RECEIVER_PORT: String(ports.receiver),
    WORKER_PORT: String(ports.worker),
    CONSOLE_PORT: String(ports.console),
    npm_lifecycle_event: 'screenshots', // it then ends with this process, even after a SIGKILL
    CONSOLE_PASSWORD: randomUUID(),
    ...settings,
  };
  const start = join(root, 'scripts', 'start.mjs');
  // In a separate process group: Ctrl-C reaches only the script, which stops everything in order.
  const child = spawn(process.execPath, [start], {
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));

  return {
    consoleUrl: `http://127.0.0.1:${ports.console}`,
    async isUp() {
      while (!said.includes('Semel is up')) {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`Semel did not start:\n${said}`);
        await sleep(100);
      }
    },
    consolePassword: env.CONSOLE_PASSWORD,
    /** Its output, of both streams. Throws if its exit code is neither 0 nor `code`. */
    semel(command, { code = 0 } = {}) {
      const bin = join(root, 'apps', 'cli', 'bin', 'semel.mjs');
      return new Promise((resolve, reject) => {
        execFile(process.execPath, [bin, ...command.split(' ')], { env }, (error, stdout, stderr) => {
          if (error === null || error.code === code) resolve(stdout + stderr);
          else reject(new Error(`semel ${command}: ${stderr || error.message}`));
        });
      });
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
