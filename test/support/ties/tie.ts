// Several events of one Stripe or Square object in one moment, in their true order, and the object's row after them.

export interface Tie {
  provider: 'stripe' | 'square';
  name: string;
  /** Kind and id of the compared object. */
  object: string;
  events: [type: string, overrides: Record<string, unknown>][];
  end: Record<string, unknown>;
}

export const tiesOf =
  (provider: Tie['provider'], object: string) =>
  (name: string, events: Tie['events'], end: Tie['end']): Tie => ({ provider, name, object, events, end });

/** All events have the same id; the other overrides. */
export const of = (
  id: string,
  events: [type: string, overrides?: Record<string, unknown>][],
): Tie['events'] => events.map(([type, overrides = {}]) => [type, { id, ...overrides }]);

/** Shows which event a row comes from, if the object itself would be the same. */
export const mark = (text: string) => ({ metadata: { mark: text } });
