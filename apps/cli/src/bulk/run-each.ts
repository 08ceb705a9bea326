import { setTimeout as sleep } from 'node:timers/promises';

/** What became of one item, and whose it was. */
export interface ItemResult {
  firm: string;
  result: string;
}

export interface RunEachOptions<Item> {
  items: AsyncIterable<Item>;
  /** Items per second. */
  rate: number;
  /** Aborted: what is under way ends, nothing new begins. */
  stop: AbortSignal;
  run(item: Item): Promise<ItemResult>;
  onProgress(done: number): void;
}

export interface RunEachResult {
  done: number;
  /** How many by result, over all firms and for each. */
  results: Record<string, number>;
  byFirm: Map<string, Record<string, number>>;
  /** What ended it before its time, if anything did. */
  error: unknown;
}

/** Runs one after the other, not faster than the rate. Never throws: what was done is always told. */
export async function runEach<Item>(options: RunEachOptions<Item>): Promise<RunEachResult> {
  const told: RunEachResult = { done: 0, results: {}, byFirm: new Map(), error: null };
  const beganMs = performance.now();
  try {
    for await (const item of options.items) {
      await pause(beganMs + (told.done * 1_000) / options.rate - performance.now(), options.stop);
      if (options.stop.aborted) break;
      const { firm, result } = await options.run(item);
      told.done += 1;
      count(told.results, result);
      const own = told.byFirm.get(firm) ?? {};
      told.byFirm.set(firm, own);
      count(own, result);
      options.onProgress(told.done);
    }
  } catch (error) {
    told.error = error;
  }
  return told;
}

const count = (counts: Record<string, number>, name: string) => {
  counts[name] = (counts[name] ?? 0) + 1;
};

const pause = (delayMs: number, signal: AbortSignal): Promise<void> =>
  delayMs <= 0 ? Promise.resolve() : sleep(delayMs, undefined, { signal }).catch(() => undefined);
