import {
  type AppliedChange,
  type EventHandlers,
  type HandledEvent,
  type HandlerClient,
  type Provider,
  SemelError,
  StoreUnavailableError,
} from '@semel/core';
import { type Changed, type DefinedHandler, type HandlerContext, matches } from '@semel/handlers';
import { toEffect } from './to-effect.js';
import { within } from './within.js';

export interface HandlingOptions {
  provider: Provider;
  handlers: readonly DefinedHandler[];
  timeoutMs: number;
  /** Called for a handler of exactly this type that was skipped, because of its `when` or because of the event's mode. */
  onSkipped(handler: DefinedHandler, handled: HandledEvent): void;
}

/** Creates the runner of the team's handlers of one provider. They run in the order in which they were loaded. */
export function createEventHandlers({
  provider,
  handlers,
  timeoutMs,
  onSkipped,
}: HandlingOptions): EventHandlers {
  const own = handlers.filter((handler) => handler.provider === provider.name);
  return {
    wants: (event) => own.some((handler) => matches(handler, event)),

    async run(tx, handled) {
      const chosen = own.filter((handler) => matches(handler, handled.event));
      for (const handler of chosen) {
        if (isFor(handler, handled))
          await tx.withHandlerClient(timeoutMs, (client) => runOne(handler, handled, client));
        else if (handler.type === handled.event.type) onSkipped(handler, handled);
      }
    },
  };

  async function runOne(
    handler: DefinedHandler,
    handled: HandledEvent,
    client: HandlerClient,
  ): Promise<void> {
    const late = () => new SemelError('handler_timeout', `${handler.name}: not done after ${timeoutMs} ms`);
    try {
      await within(timeoutMs, (signal) => handler.run(contextOf(handled, client, signal)), late);
    } catch (error) {
      if (error instanceof StoreUnavailableError || error instanceof SemelError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw new SemelError('handler_failed', `${handler.name}: ${message}`, { cause: error });
    }
  }

  function contextOf(handled: HandledEvent, client: HandlerClient, signal: AbortSignal): HandlerContext {
    const { event, body, outcome, changed } = handled;
    const json = provider.toJson(body);
    if (json === null) throw new Error('the body is neither JSON nor a form');
    return {
      event: JSON.parse(json),
      facts: {
        provider: event.provider,
        eventId: event.eventId,
        type: event.type,
        account: event.account,
        createdAt: event.createdAtMs === null ? null : new Date(event.createdAtMs),
        receivedAt: new Date(event.receivedAtMs),
        outcome,
      },
      firm: { id: event.firmId },
      changed: changed.flatMap(toChanged),
      tx: {
        query: <Row>(text: string, values?: readonly unknown[]) =>
          unheard(
            client.statement(text, values).then(({ rows, rowCount }) => ({
              rows: rows as Row[],
              rowCount: rowCount ?? rows.length,
            })),
          ),
      },
      outbox: (entry) => unheard(client.addEffect(() => toEffect(event, entry))),
      signal,
    };
  }
}

/** True if a handler must see the event. By default it also sees events that are late or change nothing. */
function isFor({ when }: DefinedHandler, { ignored, changed }: HandledEvent): boolean {
  if (when === 'always') return true;
  if (ignored === 'mode_mismatch') return false;
  return when !== 'changed' || changed.length > 0;
}

/** Prevents an unhandled rejection where a handler does not await the promise: its failure fails the transaction anyway. */
function unheard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function toChanged({
  change: { entity, externalId },
  entityId: id,
  before = null,
  after = {},
}: AppliedChange): Changed[] {
  return entity === 'recipient_list' ? [] : [{ entity, id, externalId, before, after }];
}
