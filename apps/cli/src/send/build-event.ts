import type { Sample } from '@semel/core';

/** One event as the provider would send it, not signed yet: the signature has the time of each delivery in it. */
export interface BuiltEvent {
  channel: string | null;
  contentType: string;
  body: Buffer;
}

export interface BuildOptions {
  sample: Sample;
  account: string | null;
  overrides: Record<string, unknown> | undefined;
  /** The provider's clock; none given: now. */
  nowMs?: number;
}

export function buildEvent({ sample, account, overrides, nowMs = Date.now() }: BuildOptions): BuiltEvent {
  const { body, contentType } = sample.build({
    account,
    nowMs,
    ...(overrides === undefined ? {} : { overrides }),
  });
  return { channel: sample.channel, contentType, body };
}
