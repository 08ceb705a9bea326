import type { ProviderName, TypeOf } from './events/event-of.js';
import type { HandlerContext, HandlerFunction } from './handler-context.js';

export interface HandlerOptions {
  /**
   * Default `event`: runs exactly once for every authentic event of the type in its endpoint's mode, even if the event changes
   * no object. `changed`: only for events that changed an object. `always`: also for events of the other mode.
   */
  when?: When;
  /** Shown in errors and logs. Default: provider and type. */
  name?: string;
}

export type When = 'event' | 'changed' | 'always';
const allWhens: readonly string[] = ['event', 'changed', 'always'] satisfies When[];

export interface DefinedHandler {
  readonly kind: typeof handlerKind;
  readonly provider: string;
  /** An exact type, a prefix (`invoice.*`), or `*`. */
  readonly type: string;
  readonly when: When;
  readonly name: string;
  run(context: HandlerContext): Promise<void> | void;
}

/** A string instead of a class: a user's module may bring its own copy of this package. */
const handlerKind = 'semel.handler.v1';

/**
 * Defines your own code for an event type. It runs inside the transaction that applies the event, exactly once, and is rolled
 * back with it. Export the result from a module that SEMEL_HANDLERS names.
 */
export function defineHandler<const Provider extends string, const Type extends string>(
  provider: Provider & ProviderName,
  type: Type & TypeOf<Provider>,
  run: HandlerFunction<Provider, Type>,
  { when = 'event', name = `${provider} ${type}` }: HandlerOptions = {},
): DefinedHandler {
  if (!/^(\*|[^\s*]+\*?)$/.test(type))
    throw new TypeError(
      `"${type}" is not an event type: give an exact type, a prefix that ends in "*", or "*"`,
    );
  if (typeof run !== 'function') throw new TypeError(`the handler for ${provider} ${type} is not a function`);
  if (!allWhens.includes(when))
    throw new TypeError(`${name}: "when" is one of ${allWhens.join(', ')}, not "${when}"`);
  return Object.freeze({
    kind: handlerKind,
    provider,
    type,
    when,
    name,
    run: run as unknown as DefinedHandler['run'],
  });
}

export const isHandler = (value: unknown): value is DefinedHandler =>
  (value as { kind?: unknown } | null)?.kind === handlerKind;
