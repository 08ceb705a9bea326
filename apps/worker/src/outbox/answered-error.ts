import { SemelError } from '@semel/core';

/** A destination answered with a status other than 2xx. */
export class AnsweredError extends SemelError {
  /** The destination takes no more deliveries: https://www.rfc-editor.org/rfc/rfc9110#name-410-gone */
  readonly isGone: boolean;

  constructor(
    status: number,
    /** How long to wait, from its `Retry-After`, in milliseconds. */
    readonly retryAfterMs: number,
  ) {
    super(
      'delivery_failed',
      `answered ${status}${status === 410 ? ': it is gone, and takes no more deliveries' : ''}`,
    );
    this.isGone = status === 410;
  }
}
