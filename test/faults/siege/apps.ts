import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, createWriteStream, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** One app as production runs it: a process of its own, started again whenever it ends. */
export interface SiegeApp {
  readonly name: string;
  readonly port: number;
  /** Times that it ended by itself. */
  readonly restarts: number;
  /** The highest resident memory of any of its processes since the last call, in MiB. */
  takePeakMib(): number;
  /** From now on nobody reads its standard output, or somebody does again. */
  setDeaf(isDeaf: boolean): void;
  stop(): Promise<void>;
}

export async function startSiegeApp(options: {
  name: string;
  file: string;
  port: number;
  env: Record<string, string>;
  logFile: string;
}): Promise<SiegeApp> {
  const { name, file, port, env, logFile } = options;
  const log = createWriteStream(logFile, { flags: 'a' });
  const errors = openSync(logFile, 'a');
  let child: ChildProcess;
  let restarts = 0;
  let peakKib = 0;
  let isStopping = false;
  let isDeaf = false;

  function start(): Promise<void> {
    child = fork(file, {
      env: { PATH: process.env.PATH ?? '', NODE_ENV: 'production', ...env },
      execArgv: ['--max-old-space-size=256'],
      stdio: ['ignore', 'pipe', errors, 'ipc'],
    });
    const { stdout } = child;
    stdout?.on('data', (chunk) => log.write(chunk));
    if (isDeaf) stdout?.pause();
    child.once('exit', () => {
      if (isStopping) return;
      restarts++;
      void sleep(500).then(async () => {
        if (!isStopping) await start();
      });
    });
    return new Promise((resolve) => child.once('message', () => resolve()));
  }

  const sampling = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peakKib = Math.max(peakKib, Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0));
    } catch {
      // it is just being started again
    }
  }, 200);
  await Promise.race([
    start(),
    sleep(20_000, null, { ref: false }).then(() => {
      throw new Error(`${name} is not ready after 20 s: ${logFile}`);
    }),
  ]);
  return {
    name,
    port,
    get restarts() {
      return restarts;
    },
    takePeakMib() {
      const mib = Math.round(peakKib / 1024);
      peakKib = 0;
      return mib;
    },
    setDeaf(next) {
      isDeaf = next;
      if (isDeaf) child.stdout?.pause();
      else child.stdout?.resume();
    },
    async stop() {
      isStopping = true;
      clearInterval(sampling);
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await Promise.race([ended, sleep(5_000)]);
      child.kill('SIGKILL');
      log.end();
      closeSync(errors);
    },
  };
}
