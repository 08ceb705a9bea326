import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@semel/telemetry';
import { StartError } from './servers/index.js';

export type AppName = 'receiver' | 'worker' | 'console';

export interface AppProcess {
  readonly name: AppName;
  /** Where it listens, once it does. Rejects where it ends before, or is not ready in time. */
  readonly ready: Promise<string>;
  /** SIGTERM, and SIGKILL where it does not end in time. It is not started again. */
  stop(timeoutMs: number): Promise<void>;
  kill(): void;
}

const firstBackoffMs = 500;
const longestBackoffMs = 30_000;
/** A process that ran for so long is not in a crash loop. */
const settledMs = 60_000;

/** Starts an app as a process of its own, and again whenever it crashes after it was ready. */
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
    // A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops things in order.
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
    if (ranMs > settledMs) backoffMs = firstBackoffMs;
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
