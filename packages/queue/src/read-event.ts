import { type Provider, scopeOldEvent, type WebhookEvent } from '@semel/core';

/** An event in a job; `Firm` is `string | null` in the quarantine, where the firm may be unknown. */
type JobEvent<Firm> = Omit<WebhookEvent, 'firmId'> & { firmId: Firm };
/** The same as version 1 wrote it, which called the firm `owner`. */
type JobEventV1<Firm> = Omit<WebhookEvent, 'v' | 'firmId'> & { v: 1; owner: Firm };

/** Reads the event of a job, also one that version 1 or an older release wrote; null if a later version wrote it. */
export function readEvent<Firm extends string | null>(
  provider: Pick<Provider, 'idScope'>,
  data: JobEvent<Firm> | JobEventV1<Firm>,
): JobEvent<Firm> | null {
  if (data.v === 2) return scopeOldEvent(provider, data);
  if (data.v !== 1) return null;
  const { owner: firmId, ...event } = data;
  return scopeOldEvent<JobEvent<Firm>>(provider, { ...event, v: 2, firmId });
}
