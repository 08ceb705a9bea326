import { buildApps } from './build-apps.js';
import { startFaultHarness } from './fault-harness.js';
import { type FaultKind, sabotageKinds } from './fault-kinds.js';
import { runFaults } from './fault-run.js';
import type { FaultOptions } from './options.js';
import { openProgress } from './progress.js';
import { checksOf, invariants } from './report.js';
import { type Sabotage, sabotages } from './sabotages.js';
import { type FaultServers, startServers } from './servers.js';

/**
 * Applies each sabotage and checks that the run detects it: the named invariant must be broken, and no other except
 * those that break along with it. Prints a line for each.
 */
export async function runSabotages(
  options: FaultOptions,
  onServers: (servers: FaultServers) => void,
): Promise<{ passed: number; failed: number }> {
  if (options.sabotage === 'list') return list();
  const chosen = sabotages.filter(({ name }) => options.sabotage === 'all' || name === options.sabotage);
  if (chosen.length === 0) throw new Error(`there is no sabotage ${options.sabotage}: see --sabotage list`);
  const servers = await startServers();
  onServers(servers);
  let failed = 0;
  for (const sabotage of chosen) {
    const beganMs = Date.now();
    const problems = await tryOut(sabotage, servers, options);
    if (problems.length > 0) failed++;
    const seconds = ((Date.now() - beganMs) / 1000).toFixed(1);
    console.log(
      `${problems.length === 0 ? '✓' : '✗'} ${sabotage.name}: ${nameOf(sabotage.invariant)}  ${seconds} s`,
    );
    for (const problem of problems) console.log(`    ${problem}`);
  }
  await servers.stop();
  return { passed: chosen.length - failed, failed };
}

function list() {
  const width = Math.max(...sabotages.map(({ name }) => name.length));
  for (const { name, invariant, what } of sabotages)
    console.log(`${name.padEnd(width)}  ${nameOf(invariant)}  (${what})`);
  return { passed: sabotages.length, failed: 0 };
}

const nameOf = (invariant: string) => `${invariants.find(({ of }) => of === invariant)?.name} > 0`;

/** Returns why the run did not detect the sabotage, one line per reason. */
async function tryOut(sabotage: Sabotage, servers: FaultServers, { seed, quick }: FaultOptions) {
  const { name, edits, sql, faults, settings } = sabotage;
  const files = await buildApps({ name: `${name}-${process.pid}`, edits });
  const harness = await startFaultHarness({
    servers,
    files,
    settings: { lockMs: 1_500, ...settings },
    ...(sql === undefined ? {} : { breakDatabase: sql }),
  });
  const progress = openProgress(`sabotage-${name}`);
  const times = quick ? 1 : 5;
  const planned = Object.entries(faults).map(([kind, n]): [FaultKind, number] => [
    sabotageKinds.find((each) => each.name === kind) as FaultKind,
    n * times,
  ]);
  const result = await runFaults({
    harness,
    seed,
    rounds: [{ events: 150 * times, durability: {}, survivesFlush: false, faults: new Map(planned) }],
    patienceMs: 2_000,
    fastest: 60,
    onProgress: progress.show,
  });
  progress.end({ verdict: result.verdict });
  await harness.stop();
  const allowed = [sabotage.invariant, ...sabotage.also].map((of) => nameOf(of));
  const others = checksOf(result).filter(
    ({ name: check, broken }) => broken.length > 0 && !allowed.includes(`${check} > 0`),
  );
  return [
    ...(result.verdict[sabotage.invariant].length === 0 ? ['nothing noticed it'] : []),
    ...others.map(
      ({ name: check, broken }) => `broken as well: ${check}: ${broken.length}, such as ${broken[0]}`,
    ),
  ];
}
