import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { AppName } from '@semel/config';
import type { Logger } from '@semel/telemetry';
import { StartError } from './servers/index.js';

export interface AppProcess {
  readonly name: AppName;
  /** Its address, once it listens. Rejects if it exits first or is not ready in time. */
  readonly ready: Promise<string>;
  /** Sends SIGTERM, then SIGKILL after `timeoutMs`. The process is not restarted. */
  stop(timeoutMs: number): Promise<void>;
  kill(): void;
}

const firstBackoffMs = 500;
const longestBackoffMs = 30_000;
/** A process that ran this long is not in a crash loop. */
const stableMs = 60_000;

/** Starts an app in a separate process, and restarts it whenever it crashes after it was ready. */
export function startAppProcess(options: {
  name: AppName;
  env: NodeJS.ProcessEnv;
  log: Logger;
  timeoutMs: number;
}): AppProcess {
  const { name, env, log, timeoutMs } = options;
  const main = fileURLToPath(new URL(`../../${name}/dist/main.js`, import.meta.url));
  let stopping = false;
  let child: ChildProcess;
  let backoffMs = firstBackoffMs;

  const start = () => {
    // In a separate session: Ctrl-C in the terminal reaches only the supervisor, which stops everything in order.
    const started = fork(main, {
      env,
      detached: true,
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 1, 2, 'ipc'],
    });
    const since = Date.now();
    started.on('exit', (code, signal) => void restart(code ?? signal, Date.now() - since));
    started.on('error', (err) => log.error({ err, app: name }, 'app.failed'));
    return started;
  };
  let isReady = false;
  const restart = async (exit: number | string | null, ranMs: number) => {
    if (stopping || !isReady) return;
    if (ranMs > stableMs) backoffMs = firstBackoffMs;
    log.error({ process: name, exit, backoffMs }, 'app.crashed');
    await sleep(backoffMs);
    backoffMs = Math.min(backoffMs * 2, longestBackoffMs);
    if (!stopping) child = start();
  };

  child = start();
  const ready = untilReady(child, name, timeoutMs).then((address) => {
    isReady = true;
    return address;
  });
  return {
    name,
    ready,
    kill() {
      stopping = true;
      child.kill('SIGKILL');
    },
    async stop(limitMs) {
      stopping = true;
      await end(child, limitMs);
    },
  };
}

function untilReady(child: ChildProcess, name: AppName, timeoutMs: number): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new StartError(`the ${name} is not ready after ${timeoutMs / 1000} s: see its log above`));
    }, timeoutMs);
    const onExit = (code: number | null, signal: string | null) => {
      clearTimeout(timer);
      reject(new StartError(`the ${name} ended at once (${code ?? signal}): see its log above`));
    };
    child.once('exit', onExit);
    child.on('message', (message: { ready?: boolean; address?: string }) => {
      if (message.ready !== true) return;
      clearTimeout(timer);
      child.off('exit', onExit);
      resolve(message.address ?? '');
    });
  });
}

async function end(child: ChildProcess, limitMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
