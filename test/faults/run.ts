import { buildApps } from './build-apps.js';
import { type FaultKind, faultKinds, flushName } from './fault-kinds.js';
import { type Round, runFaults } from './fault-run.js';
import { type FaultOptions, readOptions, usage } from './options.js';
import { openProgress } from './progress.js';
import { checksOf, describe } from './report.js';
import { runSabotages } from './sabotage.js';
import { type FaultServers, startServers } from './servers.js';
import { openStage } from './stage.js';

// `npm run faults` ends up here. Its last line is `N passed, N failed`.

let servers: FaultServers | null = null;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, async () => {
    await servers?.stop();
    process.exit(130);
  });

const options = readFromCommandLine();
const { passed, failed } =
  options.sabotage === null
    ? await runOnce(options)
    : await runSabotages(options, (started) => {
        servers = started;
      });
console[options.json ? 'error' : 'log'](`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

function readFromCommandLine(): FaultOptions {
  try {
    const read = readOptions(process.argv.slice(2));
    if (!read.help) return read;
    process.stdout.write(usage);
    process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

async function runOnce({ events, each, seed, json, keep, quick }: FaultOptions) {
  console.error(`seed ${seed}`);
  const [started, files] = await Promise.all([startServers(), buildApps()]);
  servers = started;
  const stage = await openStage({ servers, files, keepLogs: keep });
  const progress = openProgress(`seed-${seed}`);
  const result = await runFaults({
    stage,
    seed,
    rounds: roundsOf(events, each),
    patienceMs: quick ? 45_000 : 90_000,
    onProgress: progress.show,
  });
  progress.end(toJson(result));
  await stage.stop();
  await servers.stop();
  const checks = checksOf(result);
  if (json) console.log(JSON.stringify({ seed, checks, ...toJson(result) }));
  else console.log(describe(result, seed));
  if (keep) console.error(`logs: ${stage.dir}`);
  console.error(`progress: ${progress.file}`);
  const failed = checks.filter(({ broken }) => broken.length > 0).length;
  return { passed: checks.length - failed, failed };
}

/**
 * First as most will run it: what their providers never send again is in Postgres before the answer. Redis is flushed only
 * in the second half, when that is so for all: `queue` durability does not promise to survive it.
 */
function roundsOf(events: number, each: number): Round[] {
  const first = Math.floor(events / 2);
  const withoutFlush = faultKinds.filter(({ name }) => name !== flushName);
  const times = (kinds: readonly FaultKind[], n: number) => new Map(kinds.map((kind) => [kind, n]));
  const half = Math.floor(each / 2);
  return [
    {
      events: first,
      durability: { docusign: 'postgres', twilio: 'postgres' },
      survivesFlush: false,
      faults: times(withoutFlush, half),
    },
    {
      events: events - first,
      durability: { stripe: 'postgres', square: 'postgres', docusign: 'postgres', twilio: 'postgres' },
      survivesFlush: true,
      faults: new Map(faultKinds.map((kind) => [kind, kind.name === flushName ? each : each - half])),
    },
  ];
}

function toJson(value: object): object {
  const plain = (_key: string, part: unknown) => (part instanceof Map ? Object.fromEntries(part) : part);
  return JSON.parse(JSON.stringify(value, plain));
}
