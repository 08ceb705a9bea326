/**
 * Runs `work` for at most so long, then aborts its signal and throws `late()`. Code that goes on all the same is let go of:
 * whatever becomes of it changes nothing any more.
 */
export async function within<T>(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T> | T,
  late: () => Error,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = late();
      controller.abort(error);
      reject(error);
    }, timeoutMs);
  });
  const working = (async () => work(controller.signal))();
  working.catch(() => undefined);
  try {
    return await Promise.race([working, timedOut]);
  } finally {
    clearTimeout(timer);
  }
}
