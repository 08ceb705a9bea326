import { type FaultKind, faultKinds, flushName } from './fault-kinds.js';
import type { Round } from './fault-run.js';

/** A judgement is made at the end of each round: a long run has two for each so many events. */
const eventsOfTwoRounds = 10_000;

/**
 * In turns: as most will run it, with what its providers never send again in Postgres before the answer; and all of it in
 * Postgres before the answer. Redis is flushed only in the latter: `queue` durability does not promise to survive it.
 */
export function roundsOf(events: number, each: number): Round[] {
  const withoutFlush = faultKinds.filter(({ name }) => name !== flushName);
  const times = (kinds: readonly FaultKind[], n: number) => new Map(kinds.map((kind) => [kind, n]));
  const pairs = Math.ceil(events / eventsOfTwoRounds);
  return shares(events, pairs).flatMap((ofPair, i): Round[] => {
    const [first, second] = shares(ofPair, 2) as [number, number];
    const faults = shares(each, pairs)[i] ?? 0;
    const [few, many] = shares(faults, 2) as [number, number];
    return [
      {
        events: first,
        durability: { docusign: 'postgres', twilio: 'postgres' },
        survivesFlush: false,
        faults: times(withoutFlush, few),
      },
      {
        events: second,
        durability: { stripe: 'postgres', square: 'postgres', docusign: 'postgres', twilio: 'postgres' },
        survivesFlush: true,
        faults: new Map(faultKinds.map((kind) => [kind, kind.name === flushName ? faults : many])),
      },
    ];
  });
}

/** A whole number in so many parts of nearly the same size. */
const shares = (whole: number, parts: number): number[] =>
  Array.from(
    { length: parts },
    (_, i) => Math.floor((whole * (i + 1)) / parts) - Math.floor((whole * i) / parts),
  );
