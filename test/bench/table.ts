export interface Comparison {
  name: string;
  what: string;
  against: string;
  /** Per second. */
  ours: number;
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
  console.log('| # | what | Semel /s | against | its /s | ratio | target |');
  console.log('|---|---|---:|---|---:|---:|---:|');
  for (const { name, what, against, ours, theirs, ratio, target } of results)
    console.log(
      `| ${name} | ${what} | ${Math.round(ours)} | ${against} | ${Math.round(theirs)} | ${ratio.toFixed(2)} | ≥ ${target} |`,
    );
}
