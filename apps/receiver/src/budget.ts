import { SemelError } from '@semel/core';

/**
 * Gives the answer or, after `ms`, `unavailable`: a provider must not wait for a store that hangs. What was begun may still
 * land; the provider's next try meets it as a duplicate.
 */
export async function withinBudget<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new SemelError('unavailable', `No answer from the stores within ${ms} ms`)),
      ms,
    );
  });
  work.catch(() => undefined); // if it fails later than its budget, no one waits for it any more
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
