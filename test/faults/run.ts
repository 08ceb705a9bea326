import { buildApps } from './build-apps.js';
import { readCommandLine } from './command-line.js';
import { startFaultHarness } from './fault-harness.js';
import { runFaults } from './fault-run.js';
import { type FaultOptions, readOptions, usage } from './options.js';
import { openProgress } from './progress.js';
import { checksOf, describe } from './report.js';
import { roundsOf } from './rounds.js';
import { runSabotages } from './sabotage.js';
import { type FaultServers, startServers } from './servers.js';
import { runSiegeSabotages } from './siege/run-sabotages.js';
import { runSiege } from './siege/run-siege.js';

// `npm run faults` ends up here. Its last line is `N passed, N failed`.

let servers: FaultServers | null = null;
const early = new AbortController();
let endsEarly = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, async () => {
    if (signal === 'SIGINT' && endsEarly && !early.signal.aborted) {
      console.error('\nends after this round, and judges what was sent; once more ends it at once');
      return early.abort();
    }
    await servers?.stop();
    process.exit(130);
  });

const options = readCommandLine(readOptions, usage);
const { passed, failed } = options.siege
  ? await runSiegeOnce(options)
  : options.sabotage === null
    ? await runOnce(options)
    : await runSabotages(options, (started) => {
        servers = started;
      });
console[options.json ? 'error' : 'log'](`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function runSiegeOnce({ quick, only, json, keep, sabotage }: FaultOptions) {
  servers = await startServers();
  if (sabotage !== null) {
    const counts = await runSiegeSabotages(servers, sabotage, keep);
    await servers.stop();
    return counts;
  }
  const results = await runSiege({ servers, scale: quick ? 0.15 : 1, only, keepLogs: keep });
  await servers.stop();
  if (json) console.log(JSON.stringify(results));
  const failed = results.filter(({ broken }) => broken.length > 0).length;
  return { passed: results.length - failed, failed };
}

async function runOnce({ events, each, seed, json, keep, quick }: FaultOptions) {
  console.error(`seed ${seed}`);
  endsEarly = true;
  const [started, files] = await Promise.all([startServers(), buildApps()]);
  servers = started;
  const harness = await startFaultHarness({ servers, files, keepLogs: keep });
  const progress = openProgress(`seed-${seed}`);
  const result = await runFaults({
    harness,
    seed,
    rounds: roundsOf(events, each),
    patienceMs: quick ? 45_000 : 90_000,
    signal: early.signal,
    onProgress: progress.show,
    onRound: progress.round,
  });
  progress.end(toJson(result));
  await harness.stop();
  await servers.stop();
  const checks = checksOf(result);
  if (json) console.log(JSON.stringify({ seed, checks, ...toJson(result) }));
  else console.log(describe(result, seed));
  if (keep) console.error(`logs: ${harness.dir}`);
  console.error(`progress: ${progress.file}`);
  const failed = checks.filter(({ broken }) => broken.length > 0).length;
  return { passed: checks.length - failed, failed };
}

function toJson(value: object): object {
  const plain = (_key: string, part: unknown) => (part instanceof Map ? Object.fromEntries(part) : part);
  return JSON.parse(JSON.stringify(value, plain));
}
