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

  const look = await ports.claims.look(owned);
  const verdict = judge(look, owned.owner);
  const answer = { event, endpoint, layer: null };
  switch (verdict) {
    case 'collision':
      return setAside(ports, endpoint, event, delivered.body, 'owner_collision');
    case 'known to claim':
      return { ...answer, outcome: 'duplicate', layer: 'claim' };
    case 'known to queue':
      return { ...answer, outcome: 'duplicate', layer: 'queue' };
    case 'new':
    case 'half done': // by another receiver, alive or dead: the same job id makes a second `add` harmless
      await ports.queue.add(await withStoredBody(ports, owned, delivered.body));
      await ports.claims.confirm(owned);
      return verdict === 'new'
        ? { ...answer, outcome: 'accepted' }
        : { ...answer, outcome: 'duplicate', layer: 'queue' };
    case 'over': // a job that failed, finished or vanished: this delivery gives the event another run
      if ((await ports.queue.rearm(await withStoredBody(ports, owned, delivered.body))) === 'foreign')
        return setAside(ports, endpoint, event, delivered.body, 'owner_collision');
      await ports.claims.confirm(owned);
      return { ...answer, outcome: 'revived' };
  }
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
  const signedBy = (endpoint: Endpoint) =>
    provider.verify({
      body: delivered.body,
      headers: delivered.headers,
      url: (endpoint.publicUrl ?? ports.publicBaseUrl) + delivered.path,
      secrets: endpoint.secrets,
      nowMs: ports.now(),
    });
  const known = find();
  if (known !== null && signedBy(known)) return known;
  // The endpoint may have been added, or its secret rotated, a moment ago.
  await ports.endpoints.reload().catch(() => undefined);
  const reloaded = find();
  if (reloaded === null) throw new RejectedError('unknown_endpoint');
  if (!signedBy(reloaded)) throw new RejectedError('signature_invalid');
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

async function withStoredBody(ports: AcceptPorts, event: WebhookEvent, body: Buffer): Promise<WebhookEvent> {
  if (body.length <= inlineBodyLimitBytes) return event;
  try {
    await ports.storeBody(event, body);
    return { ...event, body: { stored: true } };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError) || body.length > inlineBodyHardLimitBytes) throw error;
    return event; // Postgres is away: a body of this size may ride in the job
  }
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
  return { outcome: 'quarantined', event, endpoint, layer: null };
}
