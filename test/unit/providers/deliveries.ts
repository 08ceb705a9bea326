import type { Provider, Sample, SignedRequest, WebhookEvent } from '@semel/core';
import { identityOf } from '../../support/identity-of.js';

export const nowMs = Date.UTC(2026, 8, 1, 12, 30);

export const urlOf = (provider: Provider, channel: string | null): string =>
  `https://hooks.example.com/webhooks/${provider.name}/ep_1${channel === null ? '' : `/${channel}`}`;

export function sampleNamed(provider: Provider, type: string): Sample {
  const sample = provider.samples.find((each) => each.type === type);
  if (sample === undefined) throw new Error(`${provider.name} has no sample ${type}`);
  return sample;
}

/** A signed request of a sample, as it would arrive. */
export function requestOf(
  provider: Provider,
  sample: Sample,
  overrides: Record<string, unknown> = {},
  secret = provider.newSecret(),
): SignedRequest & { secret: string } {
  const { body, contentType } = sample.build({ account: null, nowMs, overrides });
  const url = urlOf(provider, sample.channel);
  const delivery = { channel: sample.channel, headers: { 'content-type': contentType }, body };
  const { headers } = provider.sign(delivery, { url, secret, nowMs });
  return { body, headers, url, secrets: [secret], nowMs, secret };
}

/** The event as the receiver would queue it. */
export function eventOf(provider: Provider, body: Buffer, channel: string | null): WebhookEvent {
  return {
    v: 2,
    firmId: '00000000-0000-4000-8000-000000000001',
    provider: provider.name,
    ...identityOf(provider, body, channel),
    channel,
    endpointId: 'ep_1',
    receivedAtMs: nowMs,
    body: { utf8: body.toString('utf8') },
    sha256: '',
    ignored: null,
  };
}

export { listShared, noConformanceData, readShared } from '../../support/conformance-data.js';
