import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadJob, LoadResult } from './load.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface BenchChild {
  /** Its first message. */
  ready: { address: string; [name: string]: unknown };
  /** Waits for its next message. */
  message<T>(): Promise<T>;
  stop(): Promise<void>;
}

/** Starts a server of the bench and waits for its `{ ready: true }`. Apps run compiled, as deployed. */
export async function startChild(file: string, env: NodeJS.ProcessEnv): Promise<BenchChild> {
  const child = forkBench(file, env);
  const ready = await firstMessage<BenchChild['ready']>(child, file);
  return {
    ready,
    message: async <T>() => ((await once(child, 'message')) as [T])[0],
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Runs the load in its own process. */
export async function runLoad(job: LoadJob): Promise<LoadResult> {
  const child = forkBench('test/bench/load.ts', {});
  child.send(job);
  return firstMessage<LoadResult>(child, 'the load');
}

async function firstMessage<T>(child: ChildProcess, name: string): Promise<T> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended at once (${code})`);
  });
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [T];
  ended.catch(() => undefined);
  return message;
}

function forkBench(file: string, env: NodeJS.ProcessEnv): ChildProcess {
  const source = file.endsWith('.ts');
  const child = fork(`${root}${file}`, {
    cwd: root,
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    execArgv: source ? ['--import=tsx', '--conditions=@semel/source'] : [],
    // Logs are written as in production, and discarded.
    stdio: ['ignore', process.env.BENCH_LOGS ? 'inherit' : 'ignore', 'inherit', 'ipc'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}
