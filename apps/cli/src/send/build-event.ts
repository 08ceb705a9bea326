import type { Provider, Sample } from '@semel/core';

/** One event as the provider would send it, not signed yet: the signature has the time of each delivery in it. */
export interface BuiltEvent {
  /** null where the receiver will find no event key in it, such as after odd --data. */
  eventId: string | null;
  channel: string | null;
  contentType: string;
  body: Buffer;
}

export interface BuildOptions {
  provider: Provider;
  sample: Sample;
  account: string | null;
  overrides: Record<string, unknown> | undefined;
}

export function buildEvent({ provider, sample, account, overrides }: BuildOptions): BuiltEvent {
  const { body, contentType } = sample.build({
    account,
    nowMs: Date.now(),
    ...(overrides === undefined ? {} : { overrides }),
  });
  const { channel } = sample;
  return { eventId: identify(provider, body, channel), channel, contentType, body };
}

function identify(provider: Provider, body: Buffer, channel: string | null): string | null {
  try {
    return provider.identify(body, channel).eventId;
  } catch {
    return null;
  }
}
