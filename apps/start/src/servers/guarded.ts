import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { searchPath } from '@semel/config';
import { StartError } from './start-error.js';

export interface GuardedOptions {
  command: string;
  args: readonly string[];
  cwd?: string;
  uid?: number;
  gid?: number;
  /** The server's output; emptied at the start. */
  logFile: string;
  /** The signal that the server gets when the parent has died, and how long it may take before it is killed. */
  orphan: { signal: NodeJS.Signals; killAfterMs: number };
  /** A folder to remove when the server exits after the parent has died. */
  removeDir?: string;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Guarded {
  readonly pid: number;
  /** Resolves when the server has exited; keeps this process alive until then. */
  exited(): Promise<Exit>;
  /** null while the server runs. */
  exit(): Exit | null;
  kill(signal: NodeJS.Signals): void;
  /** Sends `signal`, then SIGKILL after `timeoutMs`. */
  stop(signal: NodeJS.Signals, timeoutMs: number): Promise<void>;
}

const guardFile = fileURLToPath(new URL('../../bin/guard.mjs', import.meta.url));

/** Holds no secrets: it is passed in an argument, which every user can read. */
export const plainEnv: NodeJS.ProcessEnv = { PATH: searchPath(), LC_ALL: 'C', TZ: 'UTC' };

type Message = { pid?: number; error?: string; code?: number | null; signal?: NodeJS.Signals | null };

/** Starts a server that does not outlive this process, even if this process is killed. */
export async function spawnGuarded(options: GuardedOptions): Promise<Guarded> {
  const { command, args, cwd, uid, gid, logFile, orphan, removeDir } = options;
  const log = openSync(logFile, 'w');
  const order = JSON.stringify({
    command,
    args,
    options: { cwd, uid, gid, env: plainEnv },
    orphan,
    removeDir,
  });
  // In a separate session: Ctrl-C in the terminal reaches only the parent, which stops the servers last.
  const guard = spawn(process.execPath, [guardFile, order], {
    detached: true,
    env: {},
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);

  let ended: Exit | null = null;
  let pid = 0;
  const exited = new Promise<Exit>((resolve) => {
    const end = (exit: Exit) => {
      ended ??= exit;
      resolve(ended);
    };
    guard.on('message', ({ code, signal }: Message) => {
      if (code !== undefined && signal !== undefined) end({ code, signal });
    });
    guard.on('exit', () => {
      if (ended === null && pid > 0) signalQuietly(pid, 'SIGKILL'); // the guard itself was killed
      end({ code: null, signal: 'SIGKILL' });
    });
  });
  pid = await new Promise<number>((resolve, reject) => {
    guard.on('message', (message: Message) => {
      if (message.pid !== undefined) resolve(message.pid);
      else if (message.error !== undefined)
        reject(new StartError(`${command} can't be started: ${message.error}`));
    });
    guard.on('error', reject);
    guard.on('exit', () => reject(new StartError(`${command} can't be started: ${lastLine(logFile)}`)));
  });
  guard.unref();
  guard.channel?.unref();

  const untilExit = async () => {
    guard.ref();
    guard.channel?.ref();
    const exit = await exited;
    guard.unref();
    guard.channel?.unref();
    return exit;
  };
  const stop = async (signal: NodeJS.Signals, timeoutMs: number) => {
    if (ended !== null) return;
    signalQuietly(pid, signal);
    const timer = setTimeout(() => signalQuietly(pid, 'SIGKILL'), timeoutMs);
    await untilExit();
    clearTimeout(timer);
  };
  const kill = (signal: NodeJS.Signals) => {
    if (ended === null) signalQuietly(pid, signal); // after its end, another process may have the id
  };
  return { pid, exited: untilExit, exit: () => ended, kill, stop };
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has already ended
  }
}

/** The last line of a server's output, which usually says why it exited. */
export function lastLine(logFile: string): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').at(-1) || 'it said nothing';
  } catch {
    return 'it said nothing';
  }
}
