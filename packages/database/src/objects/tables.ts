import type { Entity } from '@semel/core';

export type ColumnType =
  | 'text'
  | 'text[]'
  | 'bigint'
  | 'integer'
  | 'boolean'
  | 'timestamptz'
  | 'jsonb'
  | 'uuid';

/** How one kind of domain object is stored. Money is in minor units; times are ISO 8601 strings. */
export interface EntityTable {
  table: string;
  /** Columns of the natural key, each with its value for a reference's `externalId`. */
  key: Record<string, (externalId: string) => string>;
  /** Columns that a change's `fields` may set; a change replaces all of them. */
  fields: Record<string, ColumnType>;
  /** Names in `fields` that are stored in another column, because the column of that name is derived from several rows. */
  stored?: Record<string, string>;
  /** Links to other objects of the same firm, set by a change's `refs`. */
  refs: Record<string, Entity>;
  /** Times that a change's `latest` may bring. */
  latest?: readonly string[];
  /**
   * Columns of `fields` and `refs` that hold the least value that any event brought (for times: the earliest), whatever the
   * guard says. null never replaces a value.
   */
  lasting?: readonly string[];
  /** Internal columns of `fields`: a change of these alone does not count as a change of the object. */
  internal?: readonly string[];
  /** Its changes are neither recorded nor passed to handlers; what is derived from them is. */
  isInternal?: true;
  /** The other kind whose row this is a part of. A transaction locks that row first. */
  partOf?: Entity;
  /** Prefix of the guard's columns, for a row with several guards; default `order`. */
  guard?: string;
}

const whole = (externalId: string) => externalId;
const part = (index: number) => (externalId: string) => externalId.split('|')[index] ?? '';

export const tables: Record<Entity, EntityTable> = {
  invoice: {
    table: 'finance_invoices',
    key: { external_id: whole },
    fields: {
      number: 'text',
      status: 'text',
      amount_due: 'bigint',
      amount_paid: 'bigint',
      amount_remaining: 'bigint',
      currency: 'text',
      due_at: 'timestamptz',
      customer_external_id: 'text',
      metadata: 'jsonb',
    },
    refs: {},
  },
  payment: {
    table: 'finance_payments',
    key: { external_id: whole },
    fields: {
      status: 'text',
      amount: 'bigint',
      currency: 'text',
      failure_code: 'text',
      failure_message: 'text',
      customer_external_id: 'text',
      metadata: 'jsonb',
      // `derivePayments` computes the other columns from these and from the tables below.
      own_amount_refunded: 'bigint',
      own_paid_at: 'timestamptz',
      own_told_at: 'timestamptz',
    },
    refs: {},
    lasting: ['own_paid_at'],
    internal: ['own_told_at'],
  },
  charge: {
    table: 'finance_charges',
    key: { external_id: whole },
    fields: {
      status: 'text',
      amount: 'bigint',
      amount_captured: 'bigint',
      amount_refunded: 'bigint',
      currency: 'text',
      failure_code: 'text',
      failure_message: 'text',
      paid_at: 'timestamptz',
      customer_external_id: 'text',
      told_at: 'timestamptz',
    },
    refs: { payment_id: 'payment' },
    internal: ['told_at'],
  },
  refund: {
    table: 'finance_refunds',
    key: { external_id: whole },
    fields: {
      charge_external_id: 'text',
      status: 'text',
      counts: 'boolean',
      amount: 'bigint',
      currency: 'text',
      reason: 'text',
      failure_reason: 'text',
      refunded_at: 'timestamptz',
      told_at: 'timestamptz',
    },
    refs: { payment_id: 'payment' },
    lasting: ['refunded_at'],
    internal: ['told_at'],
  },
  dispute: {
    table: 'finance_disputes',
    key: { external_id: whole },
    fields: {
      charge_external_id: 'text',
      status: 'text',
      amount: 'bigint',
      currency: 'text',
      reason: 'text',
      due_at: 'timestamptz',
      opened_at: 'timestamptz',
    },
    refs: { payment_id: 'payment' },
  },
  invoice_payment: {
    table: 'finance_invoice_payments',
    key: { external_id: whole },
    fields: {
      status: 'text',
      amount_requested: 'bigint',
      amount_paid: 'bigint',
      currency: 'text',
      paid_at: 'timestamptz',
    },
    refs: { invoice_id: 'invoice', payment_id: 'payment' },
  },
  checkout_session: {
    table: 'finance_checkout_sessions',
    key: { external_id: whole },
    fields: {
      status: 'text',
      payment_status: 'text',
      mode: 'text',
      amount_total: 'bigint',
      currency: 'text',
      client_reference_id: 'text',
      customer_external_id: 'text',
      metadata: 'jsonb',
    },
    refs: { payment_id: 'payment', invoice_id: 'invoice' },
  },
  envelope: {
    table: 'esignature_envelopes',
    key: { external_id: whole },
    fields: {
      status: 'text',
      status_changed_at: 'timestamptz',
      sent_at: 'timestamptz',
      delivered_at: 'timestamptz',
      completed_at: 'timestamptz',
      declined_at: 'timestamptz',
      voided_at: 'timestamptz',
      voided_reason: 'text',
    },
    refs: {},
    latest: ['corrected_at', 'resent_at', 'purged_at', 'deleted_at'],
  },
  recipient_list: {
    table: 'esignature_recipient_lists',
    isInternal: true,
    key: { external_id: whole },
    fields: { recipient_ids: 'text[]' },
    refs: { envelope_id: 'envelope' },
  },
  recipient: {
    table: 'esignature_recipients',
    key: { external_id: whole },
    stored: { status: 'own_status' },
    fields: {
      status: 'text',
      role_type: 'text',
      routing_order: 'integer',
      sent_at: 'timestamptz',
      delivered_at: 'timestamptz',
      signed_at: 'timestamptz',
      declined_at: 'timestamptz',
      declined_reason: 'text',
    },
    refs: { envelope_id: 'envelope' },
  },
  conversation: {
    table: 'sms_conversations',
    key: { our_number: part(0), their_number: part(1) },
    fields: {},
    refs: {},
    latest: ['last_inbound_at'],
  },
  opt_out: {
    table: 'sms_conversations',
    partOf: 'conversation',
    guard: 'opt_out_order',
    key: { our_number: part(0), their_number: part(1) },
    fields: { opted_out: 'boolean', opted_out_at: 'timestamptz' },
    refs: {},
  },
  message: {
    table: 'sms_messages',
    key: { twilio_message_sid: whole },
    fields: {
      direction: 'text',
      status: 'text',
      error_code: 'text',
      from_number: 'text',
      to_number: 'text',
      body: 'text',
      media: 'jsonb',
      messaging_service_sid: 'text',
      account_sid: 'text',
    },
    refs: { conversation_id: 'conversation' },
    lasting: ['from_number', 'to_number', 'messaging_service_sid', 'account_sid', 'conversation_id'],
  },
};
