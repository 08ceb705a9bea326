import type { WebhookEvent } from '@semel/core';

/** SQL condition for the rows of events of one provider, each in its own firm. `eventParameters(events)` fills $1 to $3. */
export const matchesEvents = `provider = $1 AND (event_id, firm_id) IN (SELECT * FROM unnest($2::text[], $3::uuid[]))`;

/** `idOf`: the event id in the table. Default: the event's own. */
export const eventParameters = (
  events: readonly WebhookEvent[],
  idOf: (event: WebhookEvent) => string = ({ eventId }) => eventId,
): unknown[] => [events[0]?.provider, events.map(idOf), events.map(({ firmId }) => firmId)];
