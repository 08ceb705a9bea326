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
  /** Text for its standard input, which is a pipe. */
  input?: string;
  /** Gets the running process, to send it a signal. */
  onStart?(child: ChildProcess): void;
}

const cwd = fileURLToPath(new URL('../../', import.meta.url));
const execArgv = ['--import=tsx', '--conditions=@semel/source'];

/** Runs `semel` in its own process, from its source. */
export async function runSemel(
  args: readonly string[],
  { env, input = '', onStart }: CliOptions,
): Promise<CliRun> {
  const child = spawn(process.execPath, [...execArgv, 'apps/cli/src/main.ts', ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
  });
  onStart?.(child);
  child.stdin.on('error', () => undefined); // it may end before it reads anything
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return { code: child.exitCode, stdout, stderr };
}

/** The same in one warm process, for tests that do not test the start: starting takes seconds on a busy machine. */
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

type Run = (args: readonly string[]) => Promise<CliRun>;

/** Runs it with --json, and parses what must be the one value on standard output. */
export async function jsonValue(run: Run, args: readonly string[]) {
  const { code, stdout, stderr } = await run([...args, '--json']);
  if (code !== 0 || stderr !== '') throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Runs it with --json, and parses the one error on standard error; standard output must be empty. */
export async function jsonFailure(run: Run, args: readonly string[]) {
  const { code, stdout, stderr } = await run([...args, '--json']);
  if (stdout !== '') throw new Error(`${args.join(' ')} printed ${stdout}`);
  const { error } = JSON.parse(stderr) as { error: { code: string; message: string } };
  return { exit: code, ...error };
}
