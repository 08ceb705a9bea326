import { type Body, inlineBodyLimitBytes, toBody, type WebhookEvent } from '@semel/core';

/** Event columns shared by ledger, spill and quarantine. */
export interface EventRow {
  endpoint_id: string;
  event_type: string;
  channel: string | null;
  account: string | null;
  body_sha256: string;
  provider_created_at: Date | null;
  received_at: Date;
}

/** The event in the form that a job carries. */
export const toEvent = (
  row: EventRow,
  named: Pick<WebhookEvent, 'firmId' | 'provider' | 'eventId' | 'body' | 'ignored'>,
): WebhookEvent => ({
  v: 2,
  ...named,
  type: row.event_type,
  channel: row.channel,
  endpointId: row.endpoint_id,
  account: row.account,
  createdAtMs: row.provider_created_at?.getTime() ?? null,
  receivedAtMs: row.received_at.getTime(),
  sha256: row.body_sha256,
});

/** A large body is not copied into the job; the worker reads it from its table. */
export const bodyOrReference = (bytes: Buffer): Body =>
  bytes.length > inlineBodyLimitBytes ? { stored: true } : toBody(bytes);
