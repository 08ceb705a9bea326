import { scopeEventId, type WebhookEvent } from '@semel/core';
import { AdminError } from './admin-error.js';
import { type EventFilter, type EventPage, listEvents } from './event-list.js';
import { findLedgerRow, type LedgerEntry, toWebhookEvent } from './ledger-row.js';
import { linkedObjects } from './linked-objects.js';
import { type PlainRow, toPlainRow } from './plain.js';
import { findProvider, type Providers } from './providers.js';
import type { Scope, Transaction } from './scope.js';
import { type ShownBody, showBody } from './shown-body.js';

export interface EventDetail {
  /** The whole ledger row, in camelCase, with `firmSlug` and the exact bytes. */
  event: PlainRow & ShownBody;
  /** The objects that it changed, by the linking column of the ledger. */
  linked: Record<string, PlainRow>;
  /** Notes for people, one sentence each. */
  hints: string[];
  /** Deliveries after the first one, as counts. */
  deliveries: PlainRow[];
  attempts: PlainRow[];
  changes: PlainRow[];
  /** Quarantined events with the same event id. */
  quarantined: PlainRow[];
}

export interface Events {
  /** Newest first, at most 1,000 per page. */
  list(filter: EventFilter): Promise<EventPage>;
  /** `id`: the event id, or the provider's own id where the event id has the endpoint in it. Throws `event_ambiguous`. */
  show(provider: string, id: string): Promise<EventDetail>;
  /** The event as `requeue` takes it, and its outcome so far. Do not requeue a final one: it would only be a duplicate. */
  find(provider: string, id: string): Promise<{ event: WebhookEvent; outcome: string }>;
}

export const eventsOf = (scope: Scope, providers: Providers): Events => ({
  list: (filter) => scope.everywhere((tx) => listEvents(tx, providers, filter)),

  show: (name, id) =>
    scope.everywhere(async (tx) => {
      const provider = findProvider(providers, name);
      const { row, eventId } = await requireLedgerRow(tx, provider, id);
      const { event_raw, ...rest } = row;
      const { slug: firmSlug } = await tx.firm.findUniqueOrThrow({ where: { id: row.firm_id } });
      const where = { provider: name, eventId };
      const deliveries = await tx.webhookDelivery.findMany({ where, orderBy: { firstAt: 'asc' } });
      const own = deliveries.filter(({ firmId }) => firmId === row.firm_id);
      const hasOtherBody = own.some(
        ({ bodySha256 }) => bodySha256 !== null && bodySha256 !== row.body_sha256,
      );
      const hasOtherEndpoint = own.some(
        ({ endpointId }) => endpointId !== null && endpointId !== row.endpoint_id,
      );
      return {
        event: {
          provider: name,
          eventId,
          firmSlug,
          ...toPlainRow(camelCased(rest)),
          ...showBody(event_raw),
        },
        linked: await linkedObjects(tx, provider.ledger.linkColumns, row),
        hints: [...(hasOtherBody ? [otherBodyHint] : []), ...(hasOtherEndpoint ? [otherEndpointHint] : [])],
        deliveries: deliveries.map(toPlainRow),
        attempts: (await tx.webhookAttempt.findMany({ where, orderBy: { id: 'asc' } })).map(toPlainRow),
        changes: (await tx.domainChange.findMany({ where, orderBy: { id: 'asc' } })).map(toPlainRow),
        quarantined: (
          await tx.webhookQuarantine.findMany({ where, omit: { eventRaw: true }, orderBy: { id: 'asc' } })
        ).map(toPlainRow),
      };
    }),

  find: (name, id) =>
    scope.everywhere(async (tx) => {
      const { row, eventId } = await requireLedgerRow(tx, findProvider(providers, name), id);
      return { event: toWebhookEvent(name, eventId, row), outcome: row.outcome };
    }),
});

const otherBodyHint =
  'A later delivery under this event id had another body, which was not applied: the test buttons of some dashboards send every test event under one id.';

const otherEndpointHint =
  'A later delivery under this event id came to another endpoint of the firm. It was not applied again.';

interface Found {
  row: LedgerEntry;
  eventId: string;
}

async function requireLedgerRow(
  tx: Transaction,
  provider: Providers[number],
  eventId: string,
): Promise<Found> {
  const row = await findLedgerRow(tx, provider, eventId);
  if (row !== null) return { row, eventId };
  const [found, ...others] = await findAtEndpoints(tx, provider, eventId);
  if (found !== undefined && others.length === 0) return found;
  if (found !== undefined)
    throw new AdminError(
      'event_ambiguous',
      `${others.length + 1} endpoints have a ${provider.name} event "${eventId}"`,
      `name one of them: ${[found, ...others].map((each) => each.eventId).join(', ')}`,
    );
  const where = { provider: provider.name, eventId };
  const quarantined = eventId.includes('\0')
    ? null
    : await tx.webhookQuarantine.findFirst({ where, select: { id: true } });
  const spilled = eventId.includes('\0')
    ? null
    : await tx.webhookSpill.findFirst({ where, select: { id: true } });
  const advice =
    quarantined !== null
      ? `show, release or discard it in quarantine, where it is row ${quarantined.id}`
      : spilled !== null
        ? 'start a worker: the event waits in the spill table'
        : 'list the events, or check whether the worker is behind';
  throw new AdminError('event_unknown', `The ledger has no ${provider.name} event "${eventId}"`, advice);
}

/** The events that the provider's own id names, one per endpoint; none where the provider's ids are not unique per endpoint only. */
async function findAtEndpoints(tx: Transaction, provider: Providers[number], id: string): Promise<Found[]> {
  if (provider.idScope !== 'endpoint') return [];
  const endpoints = await tx.webhookEndpoint.findMany({
    where: { provider: provider.name },
    orderBy: { createdAt: 'asc' },
  });
  const found: Found[] = [];
  for (const endpoint of endpoints) {
    const eventId = scopeEventId(provider, id, endpoint.id);
    const row = await findLedgerRow(tx, provider, eventId);
    if (row !== null) found.push({ row, eventId });
  }
  return found;
}

const camelCased = (row: object): object =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
