import { SemelError } from '@semel/core';

/** A destination answered something else than 2xx. */
export class AnsweredError extends SemelError {
  /** Says that it will never take a delivery again: https://www.rfc-editor.org/rfc/rfc9110#name-410-gone */
  readonly isGone: boolean;

  constructor(
    status: number,
    /** How long it wants to be left alone, by its `Retry-After`. */
    readonly retryAfterMs: number,
  ) {
    super(
      'delivery_failed',
      `answered ${status}${status === 410 ? ': it is gone, and takes no more deliveries' : ''}`,
    );
    this.isGone = status === 410;
  }
}
