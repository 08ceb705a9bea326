export interface RepeatOptions {
  firstInMs: number;
  /** After a pass that failed. */
  everyMs: number;
  /** The first failure of several in a row. */
  onOutage(error: unknown): void;
}

export interface Repeating {
  /** Waits for the pass that is under way; none comes after it. */
  stop(): Promise<void>;
}

/** One pass after the other, never two at once. Each says in how many milliseconds the next one begins. */
export function repeat(pass: () => Promise<number>, options: RepeatOptions): Repeating {
  let running = Promise.resolve();
  let failing = false;
  let stopped = false;
  let timer: NodeJS.Timeout;

  async function run(): Promise<void> {
    let nextInMs = options.everyMs;
    try {
      nextInMs = await pass();
      failing = false;
    } catch (error) {
      if (!failing) options.onOutage(error);
      failing = true;
    }
    if (!stopped) begin(nextInMs);
  }

  function begin(inMs: number): void {
    timer = setTimeout(() => {
      running = run();
    }, inMs);
  }
  begin(options.firstInMs);

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
