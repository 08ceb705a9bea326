import type { ClaimState, Claims, Provider, WebhookEvent } from '@semel/core';
import { releaseScript } from './claim-scripts.js';
import { backlogKey } from './firm-backlog.js';
import { claimKey, prefixOf, queueKey } from './names.js';
import { onRedis } from './redis.js';
import { mastersOf, type Redis } from './topology.js';

/** How long a claim lasts before it is confirmed; then another delivery may take it. */
const leaseMs = 60_000;

/** The claims of one provider; `inspect` reads like `acquire`, but takes no claim. */
export interface ClaimStore extends Claims {
  inspect(event: Pick<WebhookEvent, 'firmId' | 'eventId'>): Promise<ClaimState>;
}

export function claimsOf(redis: Redis, provider: Provider): ClaimStore {
  const { name } = provider;
  const failed = queueKey(name, 'failed');
  const completed = queueKey(name, 'completed');

  const readState = async (
    { firmId, eventId }: Pick<WebhookEvent, 'firmId' | 'eventId'>,
    lease: number,
  ): Promise<ClaimState> => {
    const keys = [claimKey(name, eventId), queueKey(name, eventId), failed, completed, backlogKey(name)];
    const [claim, job, jobFirmId, copied, backlog] = await onRedis(() =>
      redis.semelAcquire(...keys, firmId, eventId, lease),
    );
    const [state = '', claimFirmId = ''] = claim.split('|');
    return {
      claim: (state || null) as ClaimState['claim'],
      claimFirmId: claimFirmId || null,
      job,
      jobFirmId: jobFirmId || null,
      isCopied: copied === 1,
      backlog,
    };
  };

  return {
    acquire: (event) => readState(event, leaseMs),
    inspect: (event) => readState(event, 0),
    confirm: async ({ firmId, eventId }) => {
      await onRedis(() => redis.semelConfirm(claimKey(name, eventId), firmId, provider.claimWindowMs));
    },
  };
}

/** Sets the claims of events to `done`, for the provider's claim window from now on. */
export async function claimsDone(
  redis: Redis,
  provider: Provider,
  events: readonly WebhookEvent[],
): Promise<void> {
  const pipeline = redis.pipeline();
  for (const { firmId, eventId } of events)
    pipeline.set(claimKey(provider.name, eventId), `done|${firmId}`, 'PX', provider.claimWindowMs);
  for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
}

/** Deletes the claims that these events' firms have on them. */
export async function releaseClaims(
  redis: Redis,
  provider: Provider,
  events: readonly WebhookEvent[],
): Promise<void> {
  for (const { firmId, eventId } of events)
    await redis.eval(releaseScript, 1, claimKey(provider.name, eventId), firmId);
}

/** Deletes all claims of a provider, for use after Postgres was restored to an earlier time. Returns their number. */
export async function resetClaims(redis: Redis, provider: string): Promise<number> {
  const match = `${globEscape(prefixOf(provider))}:claim:*`;
  let count = 0;
  for (const master of mastersOf(redis))
    for await (const keys of master.scanStream({ match, count: 1_000 })) {
      const found = keys as string[];
      if (found.length > 0) count += await redis.unlink(...found);
    }
  return count;
}

const globEscape = (text: string) => text.replace(/[[\]*?\\]/g, '\\$&');
