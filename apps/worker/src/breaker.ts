export interface BreakerOptions {
  /** Asks the store whether it is back. */
  probe(): Promise<unknown>;
  everyMs: number;
  onOpen(): void;
  onClose(): void;
}

/** After a fault of ours the queues rest, and one probe, not every job, finds out when the store is back. */
export function createBreaker({ probe, everyMs, onOpen, onClose }: BreakerOptions) {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const again = () => {
    if (stopped) return;
    timer = setTimeout(async () => {
      try {
        await probe();
      } catch {
        return again();
      }
      timer = undefined;
      if (!stopped) onClose();
    }, everyMs);
  };
  return {
    /** A store failed. Opens the breaker, if it is not open. */
    trip(): void {
      if (timer !== undefined || stopped) return;
      onOpen();
      again();
    },
    stop(): void {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
