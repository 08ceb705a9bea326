/** The domain objects that events change, in the order in which a transaction locks them. */
export const entities = [
  'invoice',
  'payment',
  'charge',
  'refund',
  'dispute',
  'invoice_payment',
  'checkout_session',
  'envelope',
  'recipient_list',
  'recipient',
  'conversation',
  'opt_out',
  'message',
] as const;
export type Entity = (typeof entities)[number];

/** Names one domain object inside a firm. */
export interface EntityRef {
  entity: Entity;
  /** The provider's id of the object, or for our own objects a text that names it (`our number|their number`). */
  externalId: string;
}

export type FieldValue = string | number | boolean | null | Record<string, unknown> | readonly unknown[];

/**
 * Where a change stands among all changes of its object. Compared member by member, in this order; where all three are
 * equal, by the time at which Semel first received the event, then by the event id.
 */
export interface Order {
  /** How far the object has come. Below zero: create the row where it is missing, and else leave it alone. */
  rank: number;
  /** The provider's own time, in nanoseconds since 1970; 0 where it says none. */
  timeNs: bigint;
  /**
   * Tells two states of one moment apart: what can only grow in the life of the object, the most telling first. Safe
   * integers. Compared one by one; of two lists that agree, the longer one is greater.
   */
  step: readonly number[];
}

/**
 * One step forward of one domain object: what a pure rule makes of an event.
 *
 * `fields` is the whole state that this event knows, in column names: the row is replaced by it, not merged, so that the
 * same events in any order end in the same state. (The tables name the few columns that no event takes back.) `refs` are links to other objects, in column
 * names (`invoice_id`); an object that is referred to before it was seen is created as an empty stub.
 */
export interface Change extends EntityRef {
  fields: Record<string, FieldValue>;
  refs?: Record<string, EntityRef>;
  /**
   * Times beside the state, in column names: each column keeps the latest that any event brought, guard or not. For
   * facts that say nothing of the state (`purged_at`), so that neither takes the other away.
   */
  latest?: Record<string, string | null>;
  /** The guard: a change is applied only if its order is greater than that of the row. */
  order: Order;
}

/** The pure rule's answer for one event: what it changes (nothing: `ignored`), and what its ledger row links to. */
export interface ChangeSet {
  changes: Change[];
  /** Links of the ledger row, in its column names: `invoice_id`, `payment_id`, `envelope_id`, `message_id`, `conversation_id`. */
  links: Record<string, EntityRef>;
  /** Why nothing changes, for people: `type_not_handled`, `no_object` … ; null where there are changes. */
  ignored: string | null;
}

/** What an object that is only referred to looks like until an event of its own arrives. */
export const stubOrder: Order = { rank: -1, timeNs: 0n, step: [] };

export const nothing = (reason: string): ChangeSet => ({ changes: [], links: {}, ignored: reason });
