import { UnrecoverableError } from 'bullmq';

/** A failure that is recorded in Postgres. BullMQ stores only this reason, never data of the event or destination. */
export class RecordedFailure extends Error {
  /** When the next attempt is due; null: the queue's own backoff decides. */
  readonly delayMs: number | null;
  constructor(reason: string, delayMs: number | null = null) {
    super(reason);
    this.delayMs = delayMs;
  }
}

/** The failure of the last attempt. */
export class RecordedDeath extends UnrecoverableError {}
