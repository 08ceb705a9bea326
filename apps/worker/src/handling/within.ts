import { withDeadline } from '@semel/core';

/**
 * Runs `work` for at most `timeoutMs`, then aborts its signal and throws `late()`. Code that ignores the signal goes on, but its
 * result is ignored.
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
