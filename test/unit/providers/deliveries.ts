import type { ChangeSet, Provider, Sample, SignedRequest, WebhookEvent } from '@semel/core';
import { providerNamed } from '@semel/providers';
import { toEvent } from '../../support/create-event.js';

export const nowMs = Date.UTC(2026, 8, 1, 12, 30);

export const urlOf = (provider: Provider, channel: string | null): string =>
  `https://hooks.example.com/webhooks/${provider.name}/ep_1${channel === null ? '' : `/${channel}`}`;

export const named = (name: string): Provider => providerNamed(name) as Provider;

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
export const eventOf = (provider: Provider, body: Buffer, channel: string | null): WebhookEvent =>
  toEvent({ provider }, { body, channel }, { receivedAtMs: nowMs, body: { utf8: body.toString('utf8') } });

/** The changes that the rule makes of a sample. */
export function changesOfSample(
  provider: Provider,
  type: string,
  overrides: Record<string, unknown> = {},
): ChangeSet {
  const sample = sampleNamed(provider, type);
  const { body } = sample.build({ account: null, nowMs, overrides });
  return provider.changesOf(eventOf(provider, body, sample.channel), body);
}

export { listShared, noConformanceData, readExample, readShared } from '../../support/conformance-data.js';
