export interface ConsumerBreakerOptions {
  /** Rejects while the store can't be used. */
  probe(): Promise<unknown>;
  everyMs: number;
  onOpen(): void;
  onClose(): void;
}

/** A circuit breaker for the queues: it opens when a store fails. One probe, not every job, finds out when the store is back. */
export function createConsumerBreaker({ probe, everyMs, onOpen, onClose }: ConsumerBreakerOptions) {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  const probeLater = () => {
    if (isStopped) return;
    timer = setTimeout(async () => {
      try {
        await probe();
      } catch {
        return probeLater();
      }
      timer = undefined;
      if (!isStopped) onClose();
    }, everyMs);
  };
  return {
    /** Opens the breaker, if it is closed. */
    trip(): void {
      if (timer !== undefined || isStopped) return;
      onOpen();
      probeLater();
    },
    stop(): void {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
