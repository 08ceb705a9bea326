import { fromBody } from './body.js';
import { type ChangeSet, type EntityRef, nothing, stubOrder } from './change.js';
import { SemelError } from './errors.js';
import { type ApplyOutcome, idempotencyKey, isFinal, type WebhookEvent } from './event.js';
import type { ApplyItem, ApplyPorts, ApplyTransaction, LedgerRow, PlannedChange } from './ports.js';

/** One event of a group: its ledger row, and what it changes. */
export interface PlannedRow extends LedgerRow {
  key: string;
  attempt: number;
  outcome: ApplyOutcome;
  sameDelivery: boolean;
  changes: PlannedChange[];
}

/** Reads the bodies and asks the provider's pure rule what each event changes. */
export async function planEvents(
  ports: ApplyPorts,
  tx: ApplyTransaction,
  items: readonly ApplyItem[],
): Promise<PlannedRow[]> {
  const bodyOf = await readBodies(tx, items);
  return items.map(({ event, attempt }) => {
    const body = bodyOf(event);
    const set = changeSetOf(ports, event, body);
    const { owner: firmId, provider, eventId, receivedAtMs } = event;
    return {
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
  });
}

/** What the ledger row links to and no change of its own brings must exist as well: empty, until its own event arrives. */
export function linkedStubs({ event, links, changes }: PlannedRow): PlannedChange[] {
  const isChanged = (ref: EntityRef) =>
    changes.some(({ entity, externalId }) => entity === ref.entity && externalId === ref.externalId);
  const { owner: firmId, provider, eventId, receivedAtMs } = event;
  return Object.values(links)
    .filter((ref) => !isChanged(ref))
    .map((ref) => ({ ...ref, fields: {}, order: stubOrder, firmId, provider, eventId, receivedAtMs }));
}

const changeSetOf = (ports: ApplyPorts, event: WebhookEvent, body: Buffer): ChangeSet =>
  event.ignored === null ? ports.provider.changesOf(event, body) : nothing(event.ignored);

export const isReopened = (before: { outcome: string } | undefined) =>
  before !== undefined && !isFinal(before.outcome);

async function readBodies(tx: ApplyTransaction, items: readonly ApplyItem[]) {
  const stored = await tx.storedBodies(
    items.map((item) => item.event).filter((event) => 'stored' in event.body),
  );
  return (event: WebhookEvent): Buffer => {
    const body = fromBody(event.body) ?? stored.get(idempotencyKey(event));
    if (body === undefined) throw new SemelError('body_missing');
    return body;
  };
}
