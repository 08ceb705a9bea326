export interface Comparison {
  name: string;
  what: string;
  against: string;
  /** Per second. */
  ours: number;
  /** Of Semel's answers at this rate, in milliseconds: medians of the rounds. */
  latency?: { p50Ms: number; p99Ms: number };
  theirs: number;
  /** Median of the rounds' ratios. */
  ratio: number;
  target: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function printTable(machine: Record<string, unknown>, results: readonly Comparison[]): void {
  console.log(
    Object.entries(machine)
      .map(([name, value]) => `${name} ${value}`)
      .join(' · '),
  );
  console.log('');
  console.log('| # | what | Semel /s | against | its /s | ratio | target | p50 / p99 ms |');
  console.log('|---|---|---:|---|---:|---:|---:|---:|');
  for (const { name, what, against, ours, theirs, ratio, target, latency } of results)
    console.log(
      `| ${name} | ${what} | ${Math.round(ours)} | ${against} | ${Math.round(theirs)} | ${ratio.toFixed(2)} | ≥ ${target} | ${latency ? `${latency.p50Ms} / ${latency.p99Ms}` : '–'} |`,
    );
}
