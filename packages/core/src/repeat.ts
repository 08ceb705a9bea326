export interface RepeatOptions {
  /** The wait between two passes in milliseconds, unless a pass returns another one. */
  everyMs: number;
  /** Default: `everyMs`. */
  firstInMs?: number;
  /** Called with the first failure of several in a row. Default: failures are not reported. */
  onOutage?(error: unknown): void;
}

export interface Repeating {
  /** Starts a pass now, or right after the running one. If that one fails, the next pass waits `everyMs`. */
  wake(): void;
  /** Resolves when the running pass has ended. No pass starts afterwards. */
  stop(): Promise<void>;
}

/** Runs `pass` again and again, never two at a time. A pass that returns a number sets the milliseconds until the next one. */
export function repeat(pass: () => Promise<unknown>, options: RepeatOptions): Repeating {
  const { everyMs, firstInMs = everyMs, onOutage } = options;
  let running: Promise<void> | null = null;
  let isWanted = false;
  let isFailing = false;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function run(): Promise<void> {
    isWanted = false;
    let nextInMs = everyMs;
    try {
      const result = await pass();
      if (typeof result === 'number') nextInMs = result;
      isFailing = false;
    } catch (error) {
      if (!isFailing) onOutage?.(error);
      isFailing = true;
    }
    running = null;
    if (!isStopped) schedule(isWanted && !isFailing ? 0 : nextInMs);
  }

  function schedule(inMs: number): void {
    timer = setTimeout(start, inMs);
  }
  function start(): void {
    clearTimeout(timer);
    running = run();
  }
  schedule(firstInMs);

  return {
    wake() {
      isWanted = true;
      if (running === null && !isStopped) start();
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
