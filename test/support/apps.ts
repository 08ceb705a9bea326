import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** An app in its own process, run from its source. */
export interface TestApp {
  readonly pid: number;
  /** Its log so far, parsed line by line. */
  readonly logs: readonly Record<string, unknown>[];
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** SIGTERM, then SIGKILL if it does not end in time; returns its exit code. */
  stop(timeoutMs?: number): Promise<number | null>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts `apps/<name>/src/main.ts` and waits until it is ready. Throws with its last output if it ends before. */
export async function startApp(
  name: 'receiver' | 'worker' | 'console',
  env: NodeJS.ProcessEnv,
  { timeoutMs = 30_000 } = {},
): Promise<TestApp> {
  const root = new URL('../../', import.meta.url);
  const child = fork(fileURLToPath(new URL(`apps/${name}/src/main.ts`, root)), {
    cwd: fileURLToPath(root),
    env: { PATH: process.env.PATH, ...env },
    execArgv: ['--import=tsx', '--conditions=@semel/source'],
    silent: true,
  });
  running.add(child);
  child.on('exit', () => running.delete(child));

  const logs: Record<string, unknown>[] = [];
  let output = '';
  let rest = '';
  child.stderr?.on('data', (chunk) => {
    output = (output + chunk).slice(-4000);
  });
  child.stdout?.on('data', (chunk) => {
    output = (output + chunk).slice(-4000);
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) logs.push(parseLine(line));
  });

  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => {
      child.kill('SIGKILL');
      reject(new Error(`${name} ${why}\n${output}`));
    };
    timer = setTimeout(fail, timeoutMs, `is not ready after ${timeoutMs} ms`);
    child.on('message', (message) => (message as { ready?: boolean }).ready === true && resolve());
    child.once('exit', (code, signal) => fail(`ended at once (${code ?? signal})`));
  }).finally(() => clearTimeout(timer));

  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const untilExit = () => (ended() ? Promise.resolve() : once(child, 'exit'));
  return {
    pid: child.pid as number,
    logs,
    async kill(signal = 'SIGKILL') {
      child.kill(signal);
      if (signal === 'SIGKILL') await untilExit();
    },
    async stop(limitMs = 15_000) {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
      await untilExit();
      clearTimeout(limit);
      return child.exitCode;
    },
  };
}

const parseLine = (line: string): Record<string, unknown> => {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { unparsed: line };
  }
};
