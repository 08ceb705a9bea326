import { percentile } from '../percentile.js';

/** What the well-behaved firm, and the processes, saw during one attack. */
export interface Observed {
  /** From receipt to commit, in milliseconds, of each of its events. */
  appliedMs: readonly number[];
  /** From its first try to the answer. */
  answeredMs: readonly number[];
  /** Acknowledged and not applied in the end. */
  lost: number;
  /** Never acknowledged, however often it was sent. */
  refused: number;
  /** Acknowledged events of the attacker that are neither recorded nor waiting. */
  attackerLost: number;
  receiverMib: number;
  workerMib: number;
  restarts: number;
  /** What the attack itself found wrong. */
  findings: readonly string[];
}

/** What an attack may cost the other firm. */
export interface Bounds {
  appliedP99Ms: number;
  answeredP99Ms: number;
  receiverMib: number;
  workerMib: number;
  restarts: number;
}

export const usualBounds: Bounds = {
  appliedP99Ms: 2_000,
  answeredP99Ms: 1_000,
  receiverMib: 450,
  workerMib: 500,
  restarts: 0,
};

/** What is broken, in words; empty where all holds. */
export function judge(observed: Observed, bounds: Bounds): string[] {
  const broken: string[] = [...observed.findings];
  const atMost = (what: string, value: number, most: number, unit: string) => {
    if (value > most) broken.push(`${what}: ${Math.round(value)} ${unit}, at most ${most}`);
  };
  if (observed.appliedMs.length < 20)
    broken.push(`only ${observed.appliedMs.length} events of the other firm`);
  atMost('applied after (p99)', percentile(observed.appliedMs, 0.99), bounds.appliedP99Ms, 'ms');
  atMost('answered after (p99)', percentile(observed.answeredMs, 0.99), bounds.answeredP99Ms, 'ms');
  atMost('lost', observed.lost, 0, 'events');
  atMost('never acknowledged', observed.refused, 0, 'events');
  atMost("the attacker's own events lost", observed.attackerLost, 0, 'events');
  atMost('memory of the receiver', observed.receiverMib, bounds.receiverMib, 'MiB');
  atMost('memory of a worker', observed.workerMib, bounds.workerMib, 'MiB');
  atMost('restarts', observed.restarts, bounds.restarts, 'times');
  return broken;
}
