import type { Provider, WebhookEvent } from '@semel/core';
import { identityOf } from './identity-of.js';

/** A queued event; what a test doesn't name has a plain default. */
export const createEvent = (
  fields: Partial<WebhookEvent> & Pick<WebhookEvent, 'provider' | 'eventId'>,
): WebhookEvent =>
  ({
    v: 2,
    firmId: '00000000-0000-4000-8000-000000000001',
    type: 'invoice.paid',
    channel: null,
    endpointId: 'ep_1',
    account: null,
    createdAtMs: null,
    receivedAtMs: 0,
    body: { utf8: '{}' },
    sha256: '0'.repeat(64),
    ignored: null,
    ...fields,
  }) as WebhookEvent;

/** The event that a receiver would queue for this body. `fields` replaces parts of it. */
export const toEvent = (
  endpoint: { provider: Provider; id?: string; firmId?: string | null },
  { body, channel }: { body: Buffer; channel: string | null },
  fields: Partial<WebhookEvent> = {},
): WebhookEvent =>
  createEvent({
    provider: endpoint.provider.name,
    ...identityOf(endpoint.provider, body, channel, { id: endpoint.id ?? 'ep_1' }),
    ...(endpoint.firmId ? { firmId: endpoint.firmId } : {}),
    ...(endpoint.id === undefined ? {} : { endpointId: endpoint.id }),
    channel,
    receivedAtMs: Date.now(),
    body: { base64: body.toString('base64') },
    ...fields,
  });
