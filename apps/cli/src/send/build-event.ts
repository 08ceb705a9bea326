import type { Sample } from '@semel/core';

/** One event as the provider would send it. Not signed yet: the signature includes the time of each delivery. */
export interface BuiltEvent {
  channel: string | null;
  contentType: string;
  body: Buffer;
}

export interface BuildOptions {
  sample: Sample;
  account: string | null;
  overrides: Record<string, unknown> | undefined;
  /** The time on the provider's clock. Default: now. */
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
