import { type FaultKind, faultKinds, flushName } from './fault-kinds.js';
import type { Round } from './fault-run.js';

/** Each round ends with a verdict: a long run has two rounds for each batch of events. */
const eventsOfTwoRounds = 10_000;

/**
 * Alternates between the usual settings (only events that their providers never resend are in Postgres before the
 * answer) and `postgres` durability for all. Redis is flushed only in the latter: `queue` durability does not survive
 * it.
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

/** Splits a whole number into parts of nearly equal size. */
const shares = (whole: number, parts: number): number[] =>
  Array.from(
    { length: parts },
    (_, i) => Math.floor((whole * (i + 1)) / parts) - Math.floor((whole * i) / parts),
  );
