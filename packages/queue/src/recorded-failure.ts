import { UnrecoverableError } from 'bullmq';

/** A failure that is recorded in Postgres. BullMQ keeps only this reason, never data of the event or the destination. */
export class RecordedFailure extends Error {
  /** When the next attempt is due; null: the queue's own backoff decides. */
  readonly delayMs: number | null;
  constructor(reason: string, delayMs: number | null = null) {
    super(reason);
    this.delayMs = delayMs;
  }
}

/** The same after the last attempt. */
export class RecordedDeath extends UnrecoverableError {}
