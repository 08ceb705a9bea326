import type { Order, WebhookEvent } from '@semel/core';
import { nanosOfMillis } from '../time.js';

/** `created` has whole seconds, so several events of an object may share one; then `step` decides. */
export const orderOf = (event: WebhookEvent, rank: number, step: readonly number[] = []): Order => ({
  rank,
  timeNs: nanosOfMillis(event.createdAtMs),
  step,
});

/** First step of an object's own events: `*.created` precedes all others of its second. */
export const isLaterThanCreated = (event: WebhookEvent): 0 | 1 => (event.type.endsWith('.created') ? 0 : 1);

/** A number that only grows in the life of an object; 0 if the object lacks it. */
export const grown = (value: unknown): number =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
