import type { EventFacts, ProviderName } from './bodies.js';
import { providerNames } from './bodies.js';
import { type Random, randomOf } from './random.js';

// What a seed says will happen: the same events in the same order, and the same faults at the same events.

/** What is special about how an event is sent; `plain` is everyday traffic. */
export type EventKind = 'plain' | 'storm' | 'collision' | 'forged' | 'poison';

export interface PlannedEvent {
  facts: EventFacts;
  kind: EventKind;
  /** Which of the run's firms it belongs to. */
  firm: number;
  /** Of a collision: the firm that signs the same id as well. */
  otherFirm: number;
  /** How often it is delivered again after it was acknowledged, as by someone who presses "resend". */
  resends: number;
}

export interface PlannedFault {
  kind: string;
  /** It begins when this many events have been sent. */
  atEvent: number;
}

/** Events of `count`, endless: each object is told of by two, in either order. */
export function* planEvents(seed: number, { firms }: { firms: number }): Generator<PlannedEvent> {
  const random = randomOf(seed, 'events');
  for (;;) {
    const both = twoEvents(random, random.pick(providerNames), firms, '');
    if (random.oneIn(3)) both.reverse();
    yield* both;
  }
}

/** An object of its own for a special event. */
export function planSpecial(random: Random, kind: EventKind, firms: number, mark = ''): PlannedEvent {
  // Twilio does not send again by itself, and poison must be sent again.
  const provider = random.pick(
    kind === 'poison' ? (['stripe', 'square', 'docusign'] as const) : providerNames,
  );
  const [, event] = twoEvents(random, provider, firms, mark);
  return { ...(event as PlannedEvent), kind, resends: 0 };
}

function twoEvents(random: Random, provider: ProviderName, firms: number, mark: string): PlannedEvent[] {
  const firm = random.int(0, firms - 1);
  const shared = {
    provider,
    objectHex: random.hex(32),
    amount: random.int(100, 1_000_000),
    account: accountOf(provider, firm),
    madeAt: 1_790_000_000 + random.int(0, 1_000_000),
    mark,
  };
  return (['early', 'final'] as const).map((step) => ({
    facts: { ...shared, step, eventHex: random.hex(32) },
    kind: 'plain',
    firm,
    otherFirm: (firm + random.int(1, firms - 1)) % firms,
    resends: random.oneIn(4) ? random.int(1, 3) : 0,
  }));
}

const accountOf = (provider: ProviderName, firm: number) => `${provider}account${firm}`;

/** So many of each kind, in an order of the seed's, spread over the events. */
export function planFaults(
  random: Random,
  kinds: ReadonlyMap<string, number>,
  { from, events }: { from: number; events: number },
): PlannedFault[] {
  const all = [...kinds].flatMap(([kind, n]) =>
    Array.from({ length: n }, () => ({ kind, order: random.next() })),
  );
  all.sort((a, b) => a.order - b.order);
  // From the first twentieth on, so that there is traffic, and until shortly before the end.
  return all.map(({ kind }, i) => ({
    kind,
    atEvent: from + Math.floor(events * (0.05 + (0.9 * i) / all.length)),
  }));
}
