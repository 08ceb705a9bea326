import { fromBody } from './body.js';
import { type ChangeSet, type EntityRef, nothing, stubOrder } from './change.js';
import { SemelError, StoreUnavailableError } from './errors.js';
import { type ApplyOutcome, idempotencyKey, isFinal, type WebhookEvent } from './event.js';
import type { ApplyItem, ApplyPorts, LedgerRow, PlannedChange } from './ports.js';

/** One event: its ledger row, and what it changes. */
export interface PlannedRow extends LedgerRow {
  item: ApplyItem;
  key: string;
  attempt: number;
  outcome: ApplyOutcome;
  sameDelivery: boolean;
  changes: PlannedChange[];
}

/** An event whose body is missing, or whose rule threw. */
export interface FailedPlan {
  item: ApplyItem;
  failure: unknown;
}

export type Plan = PlannedRow | FailedPlan;
export const isFailed = (plan: Plan): plan is FailedPlan => 'failure' in plan;

/** Objects that one event may change: more are in no event that a provider sends, and would hold their locks for seconds. */
export const mostObjects = 1_000;

/**
 * Asks the provider's pure rule what an event changes, before any transaction is open: what a rule throws is that event's
 * failure alone. Throws `StoreUnavailableError` where a stored body can't be read.
 */
export async function planEvent(ports: ApplyPorts, item: ApplyItem): Promise<Plan> {
  const { event, attempt } = item;
  try {
    const body = await readBody(ports, event);
    const set = await changeSetOf(ports, event, body);
    const { firmId, provider, eventId, receivedAtMs } = event;
    return {
      item,
      event,
      body,
      attempt,
      key: idempotencyKey(event),
      links: set.links,
      outcome: set.ignored === null ? 'applied' : 'ignored',
      sameDelivery: false,
      ignored: set.ignored,
      error: null,
      changes: set.changes.map((change) => ({ ...change, firmId, provider, eventId, receivedAtMs })),
    };
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    return { item, failure: error };
  }
}

/** What the ledger row links to and no change of its own brings must exist as well: empty, until its own event arrives. */
export function linkedStubs({ event, links, changes }: PlannedRow): PlannedChange[] {
  const isChanged = (ref: EntityRef) =>
    changes.some(({ entity, externalId }) => entity === ref.entity && externalId === ref.externalId);
  const { firmId, provider, eventId, receivedAtMs } = event;
  return Object.values(links)
    .filter((ref) => !isChanged(ref))
    .map((ref) => ({ ...ref, fields: {}, order: stubOrder, firmId, provider, eventId, receivedAtMs }));
}

async function changeSetOf(ports: ApplyPorts, event: WebhookEvent, body: Buffer): Promise<ChangeSet> {
  if (event.ignored !== null) return nothing(event.ignored);
  const set = await ports.provider.changesOf(event, body);
  return set.changes.length > mostObjects ? nothing('too_many_objects') : set;
}

export const isReopened = (before: { outcome: string } | undefined) =>
  before !== undefined && !isFinal(before.outcome);

async function readBody(ports: ApplyPorts, event: WebhookEvent): Promise<Buffer> {
  const inline = fromBody(event.body);
  if (inline !== null) return inline;
  const stored = await ports.transaction([event.firmId], (tx) => tx.storedBodies([event]));
  const body = stored.get(idempotencyKey(event));
  if (body === undefined) throw new SemelError('body_missing');
  return body;
}
