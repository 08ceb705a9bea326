import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export interface CliRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  env: NodeJS.ProcessEnv;
  /** For its standard input, which has an end and no terminal. */
  input?: string;
  /** Gets the process while it runs, to send it a signal. */
  onStart?(child: ChildProcess): void;
}

const cwd = fileURLToPath(new URL('../../', import.meta.url));
const execArgv = ['--import=tsx', '--conditions=@semel/source'];

/** `semel` as a process of its own, run from its source. */
export async function runSemel(
  args: readonly string[],
  { env, input = '', onStart }: CliOptions,
): Promise<CliRun> {
  const child = spawn(process.execPath, [...execArgv, 'apps/cli/src/main.ts', ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
  });
  onStart?.(child);
  child.stdin.on('error', () => undefined); // it may end before it has read anything
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return { code: child.exitCode, stdout, stderr };
}

/** The same from one warm process, where starting it is not what is tested: it takes seconds on a busy machine. */
export function startSemelHost(t: { teardown(end: () => Promise<void>): void }) {
  const host = fork(fileURLToPath(new URL('./cli-host.ts', import.meta.url)), {
    cwd,
    env: { PATH: process.env.PATH },
    execArgv,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  t.teardown(async () => {
    host.kill();
    if (host.exitCode === null && host.signalCode === null) await once(host, 'exit');
  });
  return async (args: readonly string[], { env }: Pick<CliOptions, 'env'>): Promise<CliRun> => {
    host.send({ args, env });
    const ended = new AbortController();
    const [answer] = await Promise.race([
      once(host, 'message', { signal: ended.signal }),
      once(host, 'exit', { signal: ended.signal }),
    ]);
    ended.abort();
    if (typeof answer !== 'object') throw new Error(`the process of the command line ended (${answer})`);
    return answer as CliRun;
  };
}
