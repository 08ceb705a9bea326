import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryResult } from './deliver.js';

export interface SendAllOptions {
  total: number;
  /** Deliveries per second; undefined: no limit. */
  rate: number | undefined;
  /** How many deliveries may run at once; 1: each waits for the response to the one before. */
  concurrency?: number;
  /** When aborted, running deliveries end and no new one starts. */
  stop: AbortSignal;
  /** Never throws. Called in order. */
  deliver(index: number): Promise<DeliveryResult>;
  onProgress(done: number): void;
}

const defaultConcurrency = 32;

/**
 * Delivers 0 … total-1 concurrently, and returns their results in that order. Ends early if the first deliveries get no
 * response at all: the receiver does not run.
 */
export async function sendAll({ total, rate, stop, ...options }: SendAllOptions): Promise<DeliveryResult[]> {
  const { concurrency = defaultConcurrency } = options;
  const results: DeliveryResult[] = [];
  const underWay = new Set<Promise<void>>();
  let answered = 0;
  let unanswered = 0;

  const begin = async (index: number) => {
    const result = await options.deliver(index);
    results[index] = result;
    if (result.status === null) unanswered += 1;
    else answered += 1;
    options.onProgress(answered + unanswered);
  };

  const beganMs = performance.now();
  for (let index = 0; index < total; index++) {
    if (rate !== undefined) await pause(beganMs + (index * 1000) / rate - performance.now(), stop);
    while (underWay.size >= concurrency) await Promise.race(underWay);
    if (stop.aborted || (answered === 0 && unanswered > 0)) break;
    const delivery = begin(index).finally(() => underWay.delete(delivery));
    underWay.add(delivery);
  }
  await Promise.all(underWay);
  return results;
}

const pause = (delayMs: number, signal: AbortSignal): Promise<void> =>
  delayMs <= 0 ? Promise.resolve() : sleep(delayMs, undefined, { signal }).catch(() => undefined);
