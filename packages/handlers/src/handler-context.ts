import type { Entity } from '@semel/core';
import type { EventOf } from './events/event-of.js';

/** The firm that the event belongs to: the only one whose rows this transaction sees. */
export interface Firm {
  /** UUID: `firm_id` of every row. */
  id: string;
}

/** What Semel knows of the event beside its body. */
export interface EventFacts {
  provider: string;
  /** Unique per provider: what the ledger names it by. */
  eventId: string;
  type: string;
  /** The provider's account, where it names one. */
  account: string | null;
  createdAt: Date | null;
  receivedAt: Date;
  /**
   * What the event did to Semel's own rows. `applied`: it changed them. `stale`: it changed nothing, since a later event came
   * before it, or another one that said the same. `ignored`: Semel has no rule for it, or it is of the other mode.
   */
  outcome: 'applied' | 'stale' | 'ignored';
}

/** One object that this event moved forward. */
export interface Changed {
  /** `opt_out` is a part of the conversation's row. */
  entity: Entity;
  /** The id of its row. */
  id: string;
  /** The provider's id of it. */
  externalId: string;
  /** Its row before, by column name; null where this event made it. */
  before: Record<string, unknown> | null;
  /** Its row after. Amounts are numbers, in minor units; times are ISO 8601 texts. */
  after: Record<string, unknown>;
}

export interface QueryResult<Row = Record<string, unknown>> {
  rows: Row[];
  rowCount: number;
}

/** The transaction that applies the event, as the role `semel_worker`, in the firm's context. */
export interface Transaction {
  /**
   * One statement, with `$1 …` for values. Statements that would begin, end or reconfigure the transaction are refused.
   * bigint and numeric come back as texts.
   */
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<QueryResult<Row>>;
}

/** Something that shall happen outside of the database, once this transaction has committed. */
export interface OutboxEntry {
  /** Names the effect within the firm, such as `invoice-paid:in_123`. A second one of this name adds nothing, ever. */
  key: string;
  /** The name of a delivery (`defineDelivery`), or else of one of the firm's destinations. */
  to: string;
  /** Anything that JSON can carry, up to 256 KiB. */
  payload: unknown;
}

export interface HandlerContext<Provider extends string = string, Type extends string = string> {
  /** The body of the event: the provider's own object, a form as an object of its fields. */
  event: EventOf<Provider, Type>;
  facts: EventFacts;
  firm: Firm;
  /** What the event changed; empty where its outcome is not `applied`. */
  changed: readonly Changed[];
  tx: Transaction;
  /** Writes the row in the same transaction; false where this effect was there before. */
  outbox(entry: OutboxEntry): Promise<boolean>;
  /** Aborted when the handler's time is up. Its transaction is rolled back then, whatever it does. */
  signal: AbortSignal;
}

export type HandlerFunction<Provider extends string, Type extends string> = (
  context: HandlerContext<Provider, Type>,
) => Promise<void> | void;
