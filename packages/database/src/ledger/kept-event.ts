import { type Body, inlineBodyLimitBytes, toBody, type WebhookEvent } from '@semel/core';

/** What ledger, spill and quarantine keep of an event alike. */
export interface KeptRow {
  endpoint_id: string;
  event_type: string;
  channel: string | null;
  account: string | null;
  body_sha256: string;
  provider_created_at: Date | null;
  received_at: Date;
}

/** The event as a job carries it. */
export const toEvent = (
  row: KeptRow,
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

/** A large body stays where it is: the worker reads it from there. */
export const bodyOrReference = (bytes: Buffer): Body =>
  bytes.length > inlineBodyLimitBytes ? { stored: true } : toBody(bytes);
