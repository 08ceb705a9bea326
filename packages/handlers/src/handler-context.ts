import type { Entity } from '@semel/core';
import type { EventOf } from './events/event-of.js';

/** The event's firm, and the only one whose rows the transaction sees. */
export interface Firm {
  /** UUID; the `firm_id` of its rows. */
  id: string;
}

/** The kinds of objects that handlers see; lists of recipients are internal to Semel. */
export type ChangedEntity = Exclude<Entity, 'recipient_list'>;

/** Facts about the event that are not in its body. */
export interface EventFacts {
  provider: string;
  /** Unique per provider; the key of the event in the ledger. */
  eventId: string;
  type: string;
  /** The provider's account, if the event names one. */
  account: string | null;
  createdAt: Date | null;
  receivedAt: Date;
  /**
   * What the event did to Semel's own rows. `applied`: it changed them. `stale`: it changed nothing, because a newer event or
   * one with the same content was applied before. `ignored`: Semel has no rule for it, or it is of the other mode.
   */
  outcome: 'applied' | 'stale' | 'ignored';
}

/** One object that this event changed. */
export interface Changed {
  /** `opt_out` is a part of the conversation's row. */
  entity: ChangedEntity;
  /** The id of the row. */
  id: string;
  /** The provider's id of the object. */
  externalId: string;
  /** The row before, by column name; null if this event created it. */
  before: Record<string, unknown> | null;
  /** The row after. Amounts are numbers in minor units; times are ISO 8601 strings. */
  after: Record<string, unknown>;
}

export interface QueryResult<Row = Record<string, unknown>> {
  rows: Row[];
  rowCount: number;
}

/** The transaction that applies the event, as the role `semel_worker`, in the firm's context. */
export interface Transaction {
  /**
   * Runs one statement with `$1 …` for values. Statements that begin, end or reconfigure the transaction are refused.
   * bigint and numeric are returned as strings.
   */
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<QueryResult<Row>>;
}

/** A side effect to deliver after this transaction has committed. */
export interface OutboxEntry {
  /** Unique within the firm for ever, such as `invoice-paid:in_123`. A second entry with this key adds nothing. */
  key: string;
  /** The name of a delivery (`defineDelivery`) or of one of the firm's destinations. */
  to: string;
  /** Any JSON value, up to 256 KiB. */
  payload: unknown;
}

export interface HandlerContext<Provider extends string = string, Type extends string = string> {
  /** The body of the event as the provider sent it; a form as an object of its fields. */
  event: EventOf<Provider, Type>;
  facts: EventFacts;
  firm: Firm;
  /** The objects that the event changed; empty if its outcome is not `applied`. */
  changed: readonly Changed[];
  tx: Transaction;
  /** Writes an outbox row in the same transaction; false if this key exists already. */
  outbox(entry: OutboxEntry): Promise<boolean>;
  /** Aborted when the handler's time is up. The transaction is rolled back then, whatever the handler does. */
  signal: AbortSignal;
}

export type HandlerFunction<Provider extends string, Type extends string> = (
  context: HandlerContext<Provider, Type>,
) => Promise<void> | void;
