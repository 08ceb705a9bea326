import type { Provider } from '@semel/core';
import { type Harness, identityOf, mainTypeOf, type TestEndpoint } from './harness.js';

/** A sample's body and the identity of its event, known before it is sent. */
export interface PreparedEvent {
  endpoint: TestEndpoint;
  provider: Provider;
  /** Of the sample. */
  type: string;
  channel: string | null;
  body: Buffer;
  eventId: string;
  eventType: string;
}

/** By default the provider's main type. */
export function prepare(
  harness: Harness,
  endpoint: TestEndpoint,
  {
    type = mainTypeOf(endpoint.provider).type,
    ...options
  }: { type?: string; overrides?: Record<string, unknown>; account?: string | null } = {},
): PreparedEvent {
  const { provider } = endpoint;
  const { body, channel } = harness.buildBody(endpoint, type, options);
  const { eventId, type: eventType } = identityOf(provider, body, channel, endpoint);
  return { endpoint, provider, type, channel, body, eventId, eventType };
}
