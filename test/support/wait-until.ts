import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** Default 30 s. */
  timeoutMs?: number;
  intervalMs?: number;
  /** Completes "gave up waiting until …". */
  what: string;
}

/** Polls until the answer is truthy, and returns it. An error counts as "not yet"; the last one becomes the cause. */
export async function waitUntil<T>(
  ask: () => T | Promise<T>,
  { timeoutMs = 30_000, intervalMs = 20, what }: WaitOptions,
): Promise<NonNullable<T>> {
  let cause: unknown;
  for (const deadline = Date.now() + timeoutMs; ; await sleep(intervalMs)) {
    try {
      const answer = await ask();
      if (answer) return answer;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > deadline) throw new Error(`gave up waiting until ${what} (${timeoutMs} ms)`, { cause });
  }
}
