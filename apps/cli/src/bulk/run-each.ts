import { setTimeout as sleep } from 'node:timers/promises';

/** The result of one item, and its firm. */
export interface ItemResult {
  firm: string;
  result: string;
}

export interface RunEachOptions<Item> {
  items: AsyncIterable<Item>;
  /** Items per second. */
  rate: number;
  /** When aborted, the current item ends and no new one starts. */
  stop: AbortSignal;
  run(item: Item): Promise<ItemResult>;
  onProgress(done: number): void;
}

export interface RunEachResult {
  done: number;
  /** Counts by result, over all firms. */
  results: Record<string, number>;
  /** Counts by result, for each firm. */
  byFirm: Map<string, Record<string, number>>;
  /** The error that ended the run early, or null. */
  error: unknown;
}

/** Runs the items one after the other at the given rate. Never throws: the result always says what was done. */
export async function runEach<Item>(options: RunEachOptions<Item>): Promise<RunEachResult> {
  const summary: RunEachResult = { done: 0, results: {}, byFirm: new Map(), error: null };
  const beganMs = performance.now();
  try {
    for await (const item of options.items) {
      await pause(beganMs + (summary.done * 1_000) / options.rate - performance.now(), options.stop);
      if (options.stop.aborted) break;
      const { firm, result } = await options.run(item);
      summary.done += 1;
      count(summary.results, result);
      const own = summary.byFirm.get(firm) ?? {};
      summary.byFirm.set(firm, own);
      count(own, result);
      options.onProgress(summary.done);
    }
  } catch (error) {
    summary.error = error;
  }
  return summary;
}

const count = (counts: Record<string, number>, name: string) => {
  counts[name] = (counts[name] ?? 0) + 1;
};

const pause = (delayMs: number, signal: AbortSignal): Promise<void> =>
  delayMs <= 0 ? Promise.resolve() : sleep(delayMs, undefined, { signal }).catch(() => undefined);
