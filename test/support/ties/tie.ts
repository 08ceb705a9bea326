// What can happen to one object of Stripe or Square in one moment: the events in the order in which they happen, and what
// the object's row must say after all of them.

export interface Tie {
  provider: 'stripe' | 'square';
  name: string;
  /** Kind and id of the object that is looked at. */
  object: string;
  events: [type: string, overrides: Record<string, unknown>][];
  end: Record<string, unknown>;
}

export const tiesOf =
  (provider: Tie['provider'], object: string) =>
  (name: string, events: Tie['events'], end: Tie['end']): Tie => ({ provider, name, object, events, end });

/** The same id in each; what else is changed in it. */
export const of = (
  id: string,
  events: [type: string, overrides?: Record<string, unknown>][],
): Tie['events'] => events.map(([type, overrides = {}]) => [type, { id, ...overrides }]);

/** Tells from which event a row is, where the object itself would say the same. */
export const mark = (text: string) => ({ metadata: { mark: text } });
