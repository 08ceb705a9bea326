import { withDeadline } from '@semel/core';

/**
 * Runs `work` for at most so long, then aborts its signal and throws `late()`. Code that goes on all the same is let go of:
 * whatever becomes of it changes nothing any more.
 */
export function within<T>(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T> | T,
  late: () => Error,
): Promise<T> {
  const controller = new AbortController();
  return withDeadline(timeoutMs, (async () => work(controller.signal))(), () => {
    const error = late();
    controller.abort(error);
    return error;
  });
}
