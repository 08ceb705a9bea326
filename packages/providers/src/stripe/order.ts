import type { WebhookEvent } from '@semel/core';

/** How far a state is; one that is not listed counts as 0. */
export type Ranks = Readonly<Record<string, number>>;

export const rankIn = (ranks: Ranks, status: string | null): number =>
  status !== null && Object.hasOwn(ranks, status) ? (ranks[status] ?? 0) : 0;

export const createdSeconds = (event: WebhookEvent): number => Math.floor((event.createdAtMs ?? 0) / 1000);

/** `created` has whole seconds; a part (0 … 1) of something that only grows orders what happens within one. */
export const createdWithPart = (event: WebhookEvent, part: number): number =>
  Math.min(createdSeconds(event), 9_000_000_000) * 1_000_000 +
  Math.floor(Math.min(1, Math.max(0, part)) * 999_999);
