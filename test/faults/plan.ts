import type { EventFacts, ProviderName } from './bodies.js';
import { providerNames } from './bodies.js';
import { type Random, randomOf } from './random.js';

// The plan of a seed: the same events in the same order, and the same faults at the same events.

/** How an event is sent; `plain` is ordinary traffic. */
export type EventKind = 'plain' | 'storm' | 'collision' | 'forged' | 'poison';

export interface PlannedEvent {
  facts: EventFacts;
  kind: EventKind;
  /** Index of the run's firm that it belongs to. */
  firm: number;
  /** For a collision: the other firm that signs the same id. */
  otherFirm: number;
  /** How often it is delivered again after its acknowledgement, as if someone pressed "resend". */
  resends: number;
}

export interface PlannedFault {
  kind: string;
  /** It starts when this many events have been sent. */
  atEvent: number;
}

/** An endless sequence of events: each object has two, in either order. */
export function* planEvents(seed: number, { firms }: { firms: number }): Generator<PlannedEvent> {
  const random = randomOf(seed, 'events');
  for (;;) {
    const both = twoEvents(random, random.pick(providerNames), firms, '');
    if (random.oneIn(3)) both.reverse();
    yield* both;
  }
}

/** A separate object for a special event. */
export function planSpecial(random: Random, kind: EventKind, firms: number, mark = ''): PlannedEvent {
  // Twilio never resends, and poison events must be resent.
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

/** Faults of each kind, in an order that the seed decides, spread over the events. */
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
