import { type Repeating, repeat } from '@semel/core';

export interface ConsumerBreakerOptions {
  /** Rejects while the store can't be used. */
  probe(): Promise<unknown>;
  everyMs: number;
  onOpen(): void;
  onClose(): void;
}

/** A circuit breaker for the queues: it opens when a store fails. One probe, not every job, finds out when the store is back. */
export function createConsumerBreaker({ probe, everyMs, onOpen, onClose }: ConsumerBreakerOptions) {
  let probing: Repeating | undefined;
  let isStopped = false;

  async function close(): Promise<void> {
    await probe();
    if (isStopped) return;
    void probing?.stop();
    probing = undefined;
    onClose();
  }

  return {
    /** Opens the breaker, if it is closed. */
    trip(): void {
      if (probing !== undefined || isStopped) return;
      onOpen();
      probing = repeat(close, { everyMs });
    },
    stop(): void {
      isStopped = true;
      void probing?.stop();
    },
  };
}
