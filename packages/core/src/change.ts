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
  /** The provider's id of the object; for objects without one, a text that names it (`our number|their number`). */
  externalId: string;
}

export type FieldValue = string | number | boolean | null | Record<string, unknown> | readonly unknown[];

/**
 * The position of a change among all changes of its object. Compared member by member, in this order; if all three are
 * equal, by the time at which Semel first received the event, then by the event id.
 */
export interface Order {
  /** How far the object has come in its life. Below zero: create the row if it is missing, change nothing otherwise. */
  rank: number;
  /** The provider's own time, in nanoseconds since 1970; 0 if it gives none. */
  timeNs: bigint;
  /**
   * Orders two states of the same moment: numbers that only grow in the life of the object, the most significant first. Safe
   * integers, compared one by one. If one list is the start of the other, the longer one is greater.
   */
  step: readonly number[];
}

/**
 * One change of one domain object, made by a pure rule from an event.
 *
 * `fields` is the whole state that this event knows, by column name. It replaces the row, so that the same events in any order
 * end in the same state. (The tables name the few columns that no event clears.) `refs` are links to other objects, by column
 * name (`invoice_id`); an object that is linked before its first event is created as an empty stub.
 */
export interface Change extends EntityRef {
  fields: Record<string, FieldValue>;
  refs?: Record<string, EntityRef>;
  /**
   * Times that are not part of the state, by column name (`purged_at`). Each column stores the latest value of any event,
   * whether or not the guard lets the state through.
   */
  latest?: Record<string, string | null>;
  /** The guard: a change is applied only if its order is greater than that of the row. */
  order: Order;
}

/** The pure rule's result for one event: its changes, and the links of its ledger row. */
export interface ChangeSet {
  changes: Change[];
  /** Links of the ledger row, in its column names: `invoice_id`, `payment_id`, `envelope_id`, `message_id`, `conversation_id`. */
  links: Record<string, EntityRef>;
  /** Why the event changes nothing: `type_not_handled`, `no_object` …; null if there are changes. */
  ignored: string | null;
}

/** The order of a stub: an object that was linked but has had no event yet. */
export const stubOrder: Order = { rank: -1, timeNs: 0n, step: [] };

export const nothing = (reason: string): ChangeSet => ({ changes: [], links: {}, ignored: reason });
