import type { Order, WebhookEvent } from '@semel/core';
import { nanosOfMillis } from '../time.js';

/** How far a state is; one that is not listed counts as 0. */
export type Ranks = Readonly<Record<string, number>>;

export const rankIn = (ranks: Ranks, status: string | null): number =>
  status !== null && Object.hasOwn(ranks, status) ? (ranks[status] ?? 0) : 0;

/** `created` has whole seconds, and several events of one object share one: then `step` tells them apart. */
export const orderOf = (event: WebhookEvent, rank: number, step: readonly number[] = []): Order => ({
  rank,
  timeNs: nanosOfMillis(event.createdAtMs),
  step,
});

/** The first step of an object's own events: `*.created` comes before everything else of its second. */
export const isLaterThanCreated = (event: WebhookEvent): 0 | 1 => (event.type.endsWith('.created') ? 0 : 1);

/** A number that only grows in the life of an object; 0 where the object does not say. */
export const grown = (value: unknown): number =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
