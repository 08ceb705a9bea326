import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { type QuarantineReason, RejectedError, StoreUnavailableError } from './errors.js';
import {
  type AcceptOutcome,
  type Body,
  inlineBodyHardLimitBytes,
  inlineBodyLimitBytes,
  type WebhookEvent,
} from './event.js';
import { assertEventId } from './event-id.js';
import type { AcceptPorts, ClaimLook, Endpoint, QuarantineEntry } from './ports.js';
import type { Headers, Provider } from './provider.js';

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

/**
 * The receiver's path: one delivery in, one outcome out. After it has returned, the event is safe.
 * Throws `RejectedError` (4xx) for what is not authentic or not whole, `StoreUnavailableError` (503) for faults of ours.
 */
export async function accept(
  ports: AcceptPorts,
  provider: Provider,
  delivered: Delivered,
): Promise<Accepted> {
  const endpoint = await authenticate(ports, provider, delivered);
  const { event, reason } = nameEvent(ports, provider, endpoint, delivered);
  if (reason !== null) return setAside(ports, endpoint, event, delivered.body, reason);
  const owned = event as WebhookEvent;

  const taken = await ports.gate
    .pass(() => enqueue(ports, owned, delivered.body))
    .catch((error) => spill(ports, owned, delivered.body, error));
  return taken === 'collision'
    ? setAside(ports, endpoint, event, delivered.body, 'owner_collision')
    : { event, endpoint, layer: null, degraded: false, ...taken };
}

type Taken = Pick<Accepted, 'outcome'> & Partial<Accepted>;

/** Claim, enqueue, confirm. After any step the process may die: the next delivery takes it from there. */
async function enqueue(ports: AcceptPorts, event: WebhookEvent, body: Buffer): Promise<Taken | 'collision'> {
  const look = await ports.claims.look(event);
  const verdict = judge(look, event.owner);
  if (verdict === 'collision') return 'collision';
  const isKnown = verdict === 'known to claim' || verdict === 'known to queue';
  // Its job may have been added while Postgres was away: this 200 promises a copy too.
  const isSafe = ports.durability === 'queue' || look.job !== 'alive' || look.isCopied;
  const { job, degraded } =
    isKnown && isSafe ? { job: event, degraded: false } : await keep(ports, event, body);
  if (isKnown)
    return { outcome: 'duplicate', layer: verdict === 'known to claim' ? 'claim' : 'queue', degraded };

  if (verdict === 'over') {
    // A job that failed, finished or vanished: this delivery gives the event another run.
    if ((await ports.queue.rearm(job)) === 'foreign') return 'collision';
  } else await ports.queue.add(job);
  await ports.claims.confirm(event);
  if (verdict === 'over') return { outcome: 'revived', degraded };
  if (verdict === 'new') return { outcome: 'accepted', degraded };
  // By another receiver, alive or dead: the same job id made a second `add` harmless.
  return { outcome: 'duplicate', layer: 'queue', degraded };
}

/** Redis can't take the event: Postgres can, and a worker's relay brings it to the queue later. Both away: throws. */
async function spill(ports: AcceptPorts, event: WebhookEvent, body: Buffer, why: unknown): Promise<Taken> {
  if (!(why instanceof StoreUnavailableError) || why.store !== 'redis') throw why;
  const isNew = await ports.spill.add(event, body, { inQueue: false });
  return isNew ? { outcome: 'spilled' } : { outcome: 'duplicate', layer: 'queue' };
}

export type Verdict = 'collision' | 'new' | 'half done' | 'over' | 'known to claim' | 'known to queue';

/** What claim and job, seen together, say about a delivery of `owner`. States only go forward: pending, queued, done. */
export function judge({ claim, claimOwner, job, jobOwner }: ClaimLook, owner: string): Verdict {
  if ((claimOwner ?? owner) !== owner || (jobOwner ?? owner) !== owner) return 'collision';
  if (claim === 'done') return 'known to claim';
  if (job === 'failed') return 'over';
  if (job === 'alive') return claim === 'queued' ? 'known to claim' : 'known to queue';
  if (job === 'completed') return claim === 'queued' ? 'known to claim' : 'over';
  if (claim === 'queued') return 'over';
  return claim === 'pending' ? 'half done' : 'new';
}

async function authenticate(ports: AcceptPorts, provider: Provider, delivered: Delivered): Promise<Endpoint> {
  const find = () => ports.endpoints.find(provider.name, delivered.endpointKey);
  const requestTo = (endpoint: Endpoint) => ({
    body: delivered.body,
    headers: delivered.headers,
    url: (endpoint.publicUrl ?? ports.publicBaseUrl) + delivered.path,
    nowMs: ports.now(),
  });
  const signedBy = (endpoint: Endpoint) =>
    provider.verify({ ...requestTo(endpoint), secrets: endpoint.secrets });
  const known = find();
  if (known !== null && signedBy(known)) return known;
  // The endpoint may have been added, or its secret rotated, a moment ago.
  await ports.endpoints.reload().catch(() => undefined);
  const reloaded = find();
  if (reloaded === null) throw new RejectedError('unknown_endpoint');
  if (!signedBy(reloaded)) {
    const hint = provider.signatureHint?.(requestTo(reloaded));
    throw new RejectedError('signature_invalid', undefined, hint);
  }
  return reloaded;
}

function nameEvent(ports: AcceptPorts, provider: Provider, endpoint: Endpoint, delivered: Delivered) {
  const identity = provider.identify(delivered.body, delivered.channel, delivered.headers);
  const { firmId, reason } = ownerOf(ports, endpoint, identity.account);
  const live = identity.livemode;
  const event: QuarantineEntry['event'] = {
    v: 1,
    owner: firmId,
    provider: provider.name,
    eventId: assertEventId(identity.eventId),
    type: identity.type,
    channel: delivered.channel,
    endpointId: endpoint.id,
    account: identity.account,
    createdAtMs: identity.createdAtMs,
    receivedAtMs: ports.now(),
    body: toBody(delivered.body),
    sha256: createHash('sha256').update(delivered.body).digest('hex'),
    ignored:
      live !== null && endpoint.mode !== null && live !== (endpoint.mode === 'live') ? 'mode_mismatch' : null,
  };
  return { event, reason };
}

/** A firm's endpoint signs for that firm alone; only a platform endpoint is routed by the account in the body. */
export function ownerOf(
  ports: Pick<AcceptPorts, 'endpoints'>,
  endpoint: Endpoint,
  account: string | null,
): { firmId: string | null; reason: QuarantineReason | null } {
  const { firmId, accounts } = endpoint;
  const mapped = account === null ? null : ports.endpoints.firmOfAccount(endpoint.provider, account);
  if (account !== null && accounts.length > 0 && !accounts.includes(account))
    return { firmId, reason: 'account_not_listed' };
  if (firmId === null) return { firmId: mapped, reason: mapped === null ? 'account_unknown' : null };
  return { firmId, reason: mapped !== null && mapped !== firmId ? 'account_foreign' : null };
}

export const toBody = (bytes: Buffer): Body =>
  isUtf8(bytes) ? { utf8: bytes.toString('utf8') } : { base64: bytes.toString('base64') };

/** What must be in Postgres before the job is in Redis: all of it where a 200 promises that, or a body too large for a job. */
async function keep(
  ports: AcceptPorts,
  event: WebhookEvent,
  body: Buffer,
): Promise<{ job: WebhookEvent; degraded: boolean }> {
  const isLarge = body.length > inlineBodyLimitBytes;
  const isCopied = ports.durability === 'postgres';
  if (!isLarge && !isCopied) return { job: event, degraded: false };
  try {
    if (isCopied) await ports.spill.add(event, body, { inQueue: true });
    else await ports.storeBody(event, body);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError) || body.length > inlineBodyHardLimitBytes) throw error;
    return { job: event, degraded: isCopied }; // Postgres is away: a body of this size may ride in the job
  }
  const job: WebhookEvent = { ...event, ...(isCopied && { spilled: true }) };
  return { job: isLarge ? { ...job, body: { stored: true } } : job, degraded: false };
}

/** Authentic, but not to be applied: kept where an operator sees it, or in a queue until Postgres can take it. */
async function setAside(
  ports: AcceptPorts,
  endpoint: Endpoint,
  event: QuarantineEntry['event'],
  body: Buffer,
  reason: QuarantineReason,
): Promise<Accepted> {
  const entry: QuarantineEntry = { event, reason };
  try {
    await ports.quarantine(entry);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError) || body.length > inlineBodyHardLimitBytes) throw error;
    await ports.queue.addQuarantined(entry);
  }
  return { outcome: 'quarantined', event, endpoint, layer: null, degraded: false };
}
