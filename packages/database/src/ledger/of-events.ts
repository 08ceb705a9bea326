import type { WebhookEvent } from '@semel/core';

/** Rows of these events of one provider, each of its own firm: takes the first three parameters, `namesOf(events)`. */
export const ofEvents = `provider = $1 AND (event_id, firm_id) IN (SELECT * FROM unnest($2::text[], $3::uuid[]))`;

export const namesOf = (events: readonly WebhookEvent[]): unknown[] => [
  events[0]?.provider,
  events.map(({ eventId }) => eventId),
  events.map(({ firmId }) => firmId),
];
