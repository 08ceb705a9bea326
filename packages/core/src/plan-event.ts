import { fromBody } from './body.js';
import { type ChangeSet, type EntityRef, nothing, stubOrder } from './change.js';
import { SemelError, StoreUnavailableError } from './errors.js';
import { type ApplyOutcome, idempotencyKey, isFinal, type WebhookEvent } from './event.js';
import type { ApplyItem, ApplyPorts, LedgerRow, PlannedChange } from './ports.js';

/** The ledger row of one event, and its changes. */
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

/** The most objects that one event may change. No provider sends more, and more would hold their locks for seconds. */
export const mostObjects = 1_000;

/**
 * Calls the provider's pure rule for an event before the transaction is opened, so that a rule that throws fails this event
 * alone. Throws `StoreUnavailableError` if a stored body can't be read.
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

/** Empty objects that the ledger row links to and the event does not change: they must exist before they are linked. */
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
