import { createHash } from 'node:crypto';
import { authenticate } from './authenticate.js';
import { toBody } from './body.js';
import { classifyClaim } from './classify-claim.js';
import { type QuarantineReason, StoreUnavailableError } from './errors.js';
import type { AcceptOutcome, WebhookEvent } from './event.js';
import { assertEventId } from './event-id.js';
import { persistFirst } from './persist-first.js';
import type { AcceptPorts, Endpoint, QuarantineEntry } from './ports.js';
import type { Headers, ReadingProvider } from './provider.js';
import { quarantineDelivery } from './quarantine-delivery.js';
import { resolveFirm } from './resolve-firm.js';
import { scopeEventId } from './scope-event-id.js';

/** One HTTP request of a provider. */
export interface Delivered {
  endpointKey: string;
  channel: string | null;
  body: Buffer;
  headers: Headers;
  /** Raw path and query as received. */
  path: string;
}

export interface Accepted {
  outcome: Exclude<AcceptOutcome, 'rejected' | 'unavailable'>;
  event: QuarantineEntry['event'];
  endpoint: Endpoint;
  /** The layer that recognised a duplicate; null for other outcomes. */
  layer: 'claim' | 'queue' | null;
  /** True if the event could not be copied to Postgres, though `durability` asks for it. */
  degraded: boolean;
}

type Taken = Pick<Accepted, 'outcome'> & Partial<Pick<Accepted, 'layer' | 'degraded'>>;

/**
 * The receiver's path: one delivery in, one outcome out. Once it returns, the event is stored.
 * Throws `RejectedError` (4xx) if the delivery is not authentic or malformed, `StoreUnavailableError` (503) if both stores fail.
 */
export async function accept(
  ports: AcceptPorts,
  provider: ReadingProvider,
  delivered: Delivered,
): Promise<Accepted> {
  const endpoint = await authenticate(ports, provider, delivered);
  const { body } = delivered;
  const { event, reason } = await nameEvent(ports, provider, endpoint, delivered);
  let taken: Taken | 'collision' = 'collision';
  if (reason === null)
    taken = await ports.breaker
      .run(() => enqueue(ports, event, body))
      .catch((error) => spill(ports, event, body, error));
  if (taken === 'collision') {
    await quarantineDelivery(ports, { event, reason: reason ?? 'owner_collision' }, body);
    taken = { outcome: 'quarantined' };
  }
  return { event, endpoint, layer: null, degraded: false, ...taken };
}

type Named =
  | { event: WebhookEvent; reason: null }
  | { event: QuarantineEntry['event']; reason: QuarantineReason };

/** Reads the event's id and finds its firm. `reason`: why the event must be quarantined; null if it can be applied. */
async function nameEvent(
  ports: AcceptPorts,
  provider: ReadingProvider,
  endpoint: Endpoint,
  delivered: Delivered,
): Promise<Named> {
  const { body, channel } = delivered;
  const identity = await provider.identify(body, channel, delivered.headers);
  const live = identity.livemode;
  const isOtherMode = live !== null && endpoint.mode !== null && live !== (endpoint.mode === 'live');
  const event = {
    v: 2 as const,
    provider: provider.name,
    eventId: assertEventId(scopeEventId(provider, identity.eventId, endpoint.id)),
    type: identity.type,
    channel,
    endpointId: endpoint.id,
    account: identity.account,
    createdAtMs: identity.createdAtMs,
    receivedAtMs: ports.now(),
    body: toBody(body),
    sha256: createHash('sha256').update(body).digest('hex'),
    ignored: isOtherMode ? 'mode_mismatch' : null,
  };
  const { firmId, reason } = resolveFirm(ports, endpoint, identity.account);
  return reason === null ? { event: { ...event, firmId }, reason } : { event: { ...event, firmId }, reason };
}

/** Claims, enqueues, confirms. If the process dies after any step, the provider's next delivery continues from there. */
async function enqueue(ports: AcceptPorts, event: WebhookEvent, body: Buffer): Promise<Taken | 'collision'> {
  const state = await ports.claims.acquire(event);
  const found = classifyClaim(state, event.firmId);
  if (found === 'collision') return 'collision';
  const isKnown = found === 'known_to_claim' || found === 'known_to_queue';
  // The job may predate its Postgres copy; write the copy before answering 200.
  const isSafe = ports.durability === 'queue' || state.job !== 'alive' || state.isCopied;
  const { job, degraded } =
    isKnown && isSafe ? { job: event, degraded: false } : await persistFirst(ports, event, body);
  if (isKnown)
    return { outcome: 'duplicate', layer: found === 'known_to_claim' ? 'claim' : 'queue', degraded };

  if (found === 'ended') {
    if ((await ports.queue.requeue(job)) === 'foreign') return 'collision';
  } else await ports.queue.add(job, state.backlog);
  await ports.claims.confirm(event);
  if (found === 'ended') return { outcome: 'revived', degraded };
  if (found === 'new') return { outcome: 'accepted', degraded };
  // Another receiver has claimed the event. Both add the same job id, so there is one job.
  return { outcome: 'duplicate', layer: 'queue', degraded };
}

/** Redis can't take the event: stores it in Postgres, from where the worker's relay enqueues it later. Throws if that fails. */
async function spill(ports: AcceptPorts, event: WebhookEvent, body: Buffer, why: unknown): Promise<Taken> {
  if (!(why instanceof StoreUnavailableError) || why.store !== 'redis') throw why;
  const isNew = await ports.spill.add(event, body, { inQueue: false });
  return isNew ? { outcome: 'spilled' } : { outcome: 'duplicate', layer: 'queue' };
}
