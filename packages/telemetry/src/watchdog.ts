import type { Session } from 'node:inspector';
import { Worker } from 'node:worker_threads';

export interface WatchdogOptions {
  /** The watched process, as its log lines name it: `receiver`, `worker`, `console`. */
  app: string;
  /** How long the event loop may be blocked, in milliseconds. 0: no watchdog. */
  limitMs: number;
}

export interface Watchdog {
  stop(): Promise<void>;
}

const off: Watchdog = { stop: async () => undefined };

/**
 * Kills the process with SIGKILL when its event loop is blocked for longer than `limitMs`, so that a supervisor restarts it.
 * A blocked loop answers nothing, and can't be stopped from inside. Before that, the watchdog writes one line to standard
 * output, `process.stuck`, with the functions that were running. A process that was suspended (a sleeping laptop, SIGSTOP) or
 * is being debugged is left alone.
 */
export function startWatchdog({ app, limitMs }: WatchdogOptions): Watchdog {
  if (limitMs === 0) return off;
  const beats = new Int32Array(new SharedArrayBuffer(4));
  const everyMs = Math.max(10, limitMs / 20);
  const timer = setInterval(() => Atomics.add(beats, 0, 1), everyMs);
  timer.unref();
  // Passed as text, because a bundle has no separate file for the thread. Compilers write `__name` and `__require` into it.
  const thread = new Worker(`const __name = (named) => named, __require = require; (${watch})()`, {
    eval: true,
    execArgv: [],
    workerData: { app, limitMs, everyMs, beats },
  });
  thread.unref();
  return {
    async stop() {
      clearInterval(timer);
      await thread.terminate();
    },
  };
}

/** Runs in the thread, so it can use nothing else of this file. */
function watch(): void {
  const { workerData } = require('node:worker_threads') as typeof import('node:worker_threads');
  const { write } = require('node:fs') as typeof import('node:fs');
  const inspector = require('node:inspector') as typeof import('node:inspector');
  const { app, limitMs, everyMs, beats } = workerData as WatchdogOptions & {
    everyMs: number;
    beats: Int32Array;
  };
  let beat = -1;
  let lastBeatMs = performance.now();
  let lastCheckMs = lastBeatMs;

  const timer = setInterval(() => {
    const nowMs = performance.now();
    const current = Atomics.load(beats, 0);
    // This thread was blocked as well: the whole process was suspended, or had no CPU.
    const wasSuspended = nowMs - lastCheckMs > limitMs / 2;
    lastCheckMs = nowMs;
    if (current !== beat || wasSuspended || inspector.url() !== undefined) {
      beat = current;
      lastBeatMs = nowMs;
    } else if (nowMs - lastBeatMs > limitMs) {
      clearInterval(timer);
      void end(Math.round(nowMs - lastBeatMs));
    }
  }, everyMs);

  async function end(stuckMs: number): Promise<void> {
    const session = new inspector.Session();
    const paused = pauseMainThread(session);
    const running = await Promise.race([
      paused.then((frames) => frames.map(({ text }) => text)),
      after(500).then(() => []),
    ]);
    const record = {
      level: 'fatal',
      time: new Date().toISOString(),
      app,
      pid: process.pid,
      stuckMs,
      running,
    };
    const line = JSON.stringify({ ...record, msg: 'process.stuck' });
    // The write never ends if nobody reads standard output.
    await Promise.race([new Promise((done) => write(1, `${line}\n`, done)), after(500)]);
    process.kill(process.pid, 'SIGKILL');
    // The first process of a container without an init gets no SIGKILL from inside, so it has to exit by itself.
    // Not guaranteed: code that stays in native functions is not interrupted. There an init or a liveness probe is needed.
    const callFrameId = (await paused)[0]?.id ?? '';
    session.post('Debugger.evaluateOnCallFrame', { callFrameId, expression: 'process.reallyExit(137)' });
  }

  /**
   * Interrupts JavaScript that runs in the main thread, and resolves with its call frames, the innermost first. A native
   * function, such as JSON.parse, ends first.
   */
  function pauseMainThread(session: Session): Promise<{ id: string; text: string }[]> {
    return new Promise((done) => {
      const urls = new Map<string, string>();
      session.connectToMainThread();
      session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url));
      session.on('Debugger.paused', ({ params }) =>
        done(
          params.callFrames.slice(0, 10).map(({ callFrameId, functionName, location }) => ({
            id: callFrameId,
            text: `${functionName || '(anonymous)'} ${urls.get(location.scriptId)}:${location.lineNumber + 1}`,
          })),
        ),
      );
      session.post('Debugger.enable', () => session.post('Debugger.pause'));
    });
  }

  function after(ms: number): Promise<void> {
    return new Promise((done) => setTimeout(done, ms));
  }
}
