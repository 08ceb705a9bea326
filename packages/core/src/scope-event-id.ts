import type { WebhookEvent } from './event.js';
import type { Provider } from './provider.js';

type Scoped = Pick<Provider, 'idScope'>;

/**
 * The id under which an event is claimed, queued and recorded. Where the provider's ids are unique per endpoint only, it is
 * `<provider's id>@<last group of the endpoint's id>`, such as `1@9f86d081884c`: an operator can tell the endpoint by it.
 * Endpoint ids are random (UUIDv4), so two endpoints share these 48 bits with negligible probability; then their ids could
 * collide again.
 */
export const scopeEventId = (provider: Scoped, id: string, endpointId: string): string =>
  provider.idScope === 'endpoint' ? `${id}@${endpointId.slice(-12)}` : id;

/**
 * Names an event of an older release, which did not use the endpoint, as this one does. Its ids had no `@`, but marks that are
 * not needed any more: `id=` before what the queue would have refused, `~<firm slug>` after what was another firm's id.
 * `storedUnder`: where its large body is.
 */
export function scopeOldEvent<Event extends Pick<WebhookEvent, 'eventId' | 'endpointId' | 'body'>>(
  provider: Scoped,
  event: Event,
): Event {
  const { eventId, endpointId, body } = event;
  if (provider.idScope !== 'endpoint' || eventId.includes('@')) return event;
  const id = eventId.replace(/^id=/, '').replace(/~.*$/, '');
  return {
    ...event,
    eventId: scopeEventId(provider, id, endpointId),
    ...('stored' in body && { body: { stored: true, storedUnder: eventId } }),
  };
}
