import type { Progress, RunResult } from './fault-run.js';
import type { Verdict } from './oracle.js';

/** The table's invariants, and where the verdict lists their violations. */
export const invariants: readonly { name: string; of: keyof Verdict }[] = [
  { name: 'lost', of: 'lost' },
  { name: 'applied twice', of: 'appliedTwice' },
  { name: 'cross-firm', of: 'crossFirm' },
  { name: 'never acknowledged', of: 'unacknowledged' },
  { name: 'handlers not run exactly once', of: 'handlerRuns' },
  { name: 'wrongly dead', of: 'dead' },
  { name: 'ledger and domain differ', of: 'ledgerAndDomainDiffer' },
  { name: "objects differ from the model's", of: 'modelDiffers' },
  { name: 'forged and recorded', of: 'forgedTraces' },
  { name: 'authentic but refused with a 4xx', of: 'refused' },
  { name: 'deliveries that do not add up', of: 'deliveriesDontAddUp' },
  { name: 'rows left behind', of: 'leftovers' },
];

export interface Check {
  name: string;
  broken: readonly string[];
}

export function checksOf({ verdict, faults, surprises }: RunResult): Check[] {
  return [
    ...invariants.map(({ name, of }) => ({ name, broken: verdict[of] })),
    {
      name: 'faults that did not happen',
      broken: [...faults]
        .filter(([, { wanted, happened }]) => happened < wanted)
        .map(([name, { wanted, happened }]) => `${name}: ${happened} of ${wanted}`),
    },
    { name: 'surprises', broken: surprises },
  ];
}

export function describe(result: RunResult, seed: number): string {
  const { faults, outcomes, counts, duplicates, verdict } = result;
  const outcome = (name: string) => outcomes.get(name) ?? 0;
  const rows: [string, string | number][] = [
    ['events', result.events],
    ['deliveries', result.deliveries],
    ['  unanswered', result.unanswered],
    ...[...outcomes].sort().map(([name, n]): [string, number] => [`  ${name}`, n]),
    ['acknowledged events', result.acknowledged],
    ['applied (and stale)', `${counts.applied} (and ${counts.stale})`],
    [
      'duplicates by claim, queue, ledger',
      ['claim', 'queue', 'ledger'].map((layer) => duplicates.get(layer) ?? 0).join(', '),
    ],
    ['spilled', outcome('spilled')],
    ['revived', outcome('revived')],
    ['quarantined', counts.quarantined],
    ['dead (poison, later fixed)', counts.dead],
    ['lost (allowed: queue durability)', verdict.lostAllowed.length],
    ['longest wait from 200 to applied', seconds(counts.longestWaitMs)],
    ['longest recovery after the last fault', seconds(result.drainMs)],
    ['p99 of answers', seconds(result.answerP99Ms)],
  ];
  const lines = [
    `seed ${seed}, ${result.seconds.toFixed(0)} s`,
    '',
    ...table([...faults].map(([name, { happened }]) => [name, happened])),
    '',
    ...table(rows),
    '',
    ...checksOf(result).flatMap(({ name, broken }) => [
      `${broken.length === 0 ? '✓' : '✗'} ${name}: ${broken.length}`,
      ...broken.slice(0, 10).map((line) => `    ${line}`),
    ]),
  ];
  return lines.join('\n');
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

function table(rows: readonly (readonly [string, string | number])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

export const describeProgress = (p: Progress): string =>
  [
    `round ${p.round}`,
    `${p.events} events`,
    `${p.acknowledged} acknowledged`,
    `${p.attempts} attempts`,
    `${p.unresolved} waiting`,
    `${p.faults}/${p.allFaults} faults`,
    p.doing,
  ].join(' · ');
