import { createHash } from 'node:crypto';
import { toBody } from './body.js';
import { classifyClaim } from './classify-claim.js';
import { type QuarantineReason, RejectedError, StoreUnavailableError } from './errors.js';
import type { AcceptOutcome, WebhookEvent } from './event.js';
import { assertEventId } from './event-id.js';
import { findEndpoint } from './find-endpoint.js';
import { persistFirst } from './persist-first.js';
import type { AcceptPorts, Endpoint, QuarantineEntry } from './ports.js';
import type { Headers, ReadingProvider } from './provider.js';
import { quarantineDelivery } from './quarantine-delivery.js';
import { resolveFirm } from './resolve-firm.js';

/** One HTTP request, as it came in. */
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
  /** Which layer knew the event already; null where the outcome is not `duplicate`. */
  layer: 'claim' | 'queue' | null;
  /** It should have been copied to Postgres as well, and could not. */
  degraded: boolean;
}

type Taken = Pick<Accepted, 'outcome'> & Partial<Pick<Accepted, 'layer' | 'degraded'>>;

/**
 * The receiver's path: one delivery in, one outcome out. After it has returned, the event is safe.
 * Throws `RejectedError` (4xx) for what is not authentic or not whole, `StoreUnavailableError` (503) where both stores fail.
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

/** Finds the endpoint and verifies the signature over the exact bytes. */
async function authenticate(
  ports: AcceptPorts,
  provider: ReadingProvider,
  delivered: Delivered,
): Promise<Endpoint> {
  const requestTo = (endpoint: Endpoint) => ({
    body: delivered.body,
    headers: delivered.headers,
    url: (endpoint.publicUrl ?? ports.publicBaseUrl) + delivered.path,
    nowMs: ports.now(),
  });
  const signedBy = (endpoint: Endpoint) =>
    provider.verify({ ...requestTo(endpoint), secrets: endpoint.secrets });
  const known = await findEndpoint(ports.endpoints, provider, delivered.endpointKey);
  if (await signedBy(known)) return known;
  // Its secret may have been rotated a moment ago.
  await ports.endpoints.reload().catch(() => undefined);
  const reloaded = ports.endpoints.find(provider.name, delivered.endpointKey);
  if (reloaded === null) throw new RejectedError('unknown_endpoint');
  if (await signedBy(reloaded)) return reloaded;
  throw new RejectedError('signature_invalid', undefined, provider.signatureHint?.(requestTo(reloaded)));
}

type Named =
  | { event: WebhookEvent; reason: null }
  | { event: QuarantineEntry['event']; reason: QuarantineReason };

/** Names the event and finds its firm; `reason` says why it has none, or why its account is another firm's. */
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
    eventId: assertEventId(identity.eventId),
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

/** Claims, enqueues, confirms. The process may die after any step: the next delivery continues from there. */
async function enqueue(ports: AcceptPorts, event: WebhookEvent, body: Buffer): Promise<Taken | 'collision'> {
  const state = await ports.claims.acquire(event);
  const found = classifyClaim(state, event.firmId);
  if (found === 'collision') return 'collision';
  const isKnown = found === 'known_to_claim' || found === 'known_to_queue';
  // The job may predate its Postgres copy, which this 200 promises: then write the copy before answering.
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
  // Another receiver is at the same event: the same job id made a second `add` harmless.
  return { outcome: 'duplicate', layer: 'queue', degraded };
}

/** Redis can't take the event: Postgres can, and a worker's relay brings it to the queue later. Both away: throws. */
async function spill(ports: AcceptPorts, event: WebhookEvent, body: Buffer, why: unknown): Promise<Taken> {
  if (!(why instanceof StoreUnavailableError) || why.store !== 'redis') throw why;
  const isNew = await ports.spill.add(event, body, { inQueue: false });
  return isNew ? { outcome: 'spilled' } : { outcome: 'duplicate', layer: 'queue' };
}
