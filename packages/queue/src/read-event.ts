import type { WebhookEvent } from '@semel/core';

/** An event as the first version of Semel wrote it into a job. */
type EventV1 = Omit<WebhookEvent, 'v' | 'firmId'> & { v: 1; owner: string };

/** The event in a job's data, also of an older version; null where a newer version wrote it. */
export function readEvent(data: WebhookEvent | EventV1): WebhookEvent | null {
  if (data.v === 2) return data;
  if (data.v !== 1) return null;
  const { owner: firmId, ...event } = data;
  return { ...event, v: 2, firmId };
}
