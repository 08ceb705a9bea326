import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArmedFailpoint } from '../support/failpoints.js';
import { exitedAtFailpoint } from '../support/failpoints.js';
import { type AppSettings, appSettingsEnv, type FromApp, type ToApp } from './fault-app.js';

/** A receiver or worker as a process that a fault can kill, freeze and restart at the same address. */
export interface FaultApp {
  readonly name: string;
  readonly port: number;
  /** Exits of the process that no fault caused. */
  readonly surprises: readonly string[];
  start(): Promise<void>;
  /** Settings, and another release's file, for the next start. */
  configure(changed: Partial<AppSettings> & { file?: string }): void;
  /** Returns once armed: later deliveries can hit it. `exitAt` or `hitAt` reports whether one did. */
  arm(armed: ArmedFailpoint): Promise<void>;
  /** The process exits at this failpoint. Returns whether it was reached in time; the process is not restarted. */
  exitAt(at: ArmedFailpoint['at'], timeoutMs: number): Promise<boolean>;
  /** An action at this failpoint. Returns whether it was reached in time. */
  hitAt(armed: ArmedFailpoint, timeoutMs: number): Promise<boolean>;
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** SIGTERM, then SIGKILL after this time; returns whether it ended by itself. */
  stop(timeoutMs: number): Promise<boolean>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export function faultApp(options: {
  name: string;
  file: string;
  logFile: string;
  settings: AppSettings;
}): FaultApp {
  const { name, logFile } = options;
  let { settings, file } = options;
  let child: ChildProcess | null = null;
  let expected = false;
  const surprises: string[] = [];
  const arming: (() => void)[] = [];
  const hits = new Set<(armed: ArmedFailpoint) => void>();

  async function start(): Promise<void> {
    const log = openSync(logFile, 'a');
    const started = fork(file, {
      env: { PATH: process.env.PATH, NODE_ENV: 'production', [appSettingsEnv]: JSON.stringify(settings) },
      execArgv: [],
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    child = started;
    expected = false;
    running.add(started);
    const ready = new Promise<void>((resolve) => {
      started.on('message', (message: FromApp) => {
        if ('ready' in message) resolve();
        if ('armed' in message) for (const isArmed of arming.splice(0)) isArmed();
        if ('hit' in message) for (const hit of hits) hit(message.hit);
      });
      started.on('exit', (code, signal) => {
        running.delete(started);
        if (!expected) surprises.push(`${name} ended with ${code ?? signal}`);
        resolve();
      });
    });
    await Promise.race([ready, sleep(20_000, undefined, { ref: false })]);
  }

  const hasEnded = () => child === null || child.exitCode !== null || child.signalCode !== null;
  const sendToApp = (message: ToApp) => {
    if (!hasEnded() && child?.connected) child.send(message, () => undefined);
  };
  const untilExit = async (timeoutMs: number): Promise<boolean> => {
    if (child === null || hasEnded()) return true;
    const signal = AbortSignal.timeout(timeoutMs);
    return once(child, 'exit', { signal }).then(
      () => true,
      () => false,
    );
  };

  return {
    name,
    port: settings.port,
    surprises,
    start,
    configure({ file: other = file, ...changed }) {
      file = other;
      settings = { ...settings, ...changed };
    },
    async arm(armed) {
      expected = armed.action === 'exit';
      await new Promise<void>((resolve) => {
        arming.push(resolve);
        sendToApp({ arm: armed });
      });
    },
    async exitAt(at, timeoutMs) {
      expected = true;
      sendToApp({ arm: { at, action: 'exit' } });
      if ((await untilExit(timeoutMs)) && child?.exitCode === exitedAtFailpoint) return true;
      if (hasEnded()) {
        surprises.push(`${name} ended with ${child?.exitCode ?? child?.signalCode} on its way to ${at}`);
        await start();
        return false;
      }
      expected = false;
      sendToApp({ disarm: true });
      return false;
    },
    async hitAt(armed, timeoutMs) {
      let listen: (hit: ArmedFailpoint) => void = () => undefined;
      const hit = new Promise<boolean>((resolve) => {
        listen = (at) => resolve(at.at === armed.at);
        hits.add(listen);
      });
      sendToApp({ arm: armed });
      const got = await Promise.race([hit, sleep(timeoutMs, false)]);
      hits.delete(listen);
      if (!got) sendToApp({ disarm: true });
      return got;
    },
    async kill() {
      expected = true;
      child?.kill('SIGKILL');
      await untilExit(5_000);
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async stop(timeoutMs) {
      expected = true;
      child?.kill('SIGTERM');
      if (await untilExit(timeoutMs)) return true;
      child?.kill('SIGKILL');
      await untilExit(5_000);
      return false;
    },
  };
}
