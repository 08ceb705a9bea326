import { setTimeout as sleep } from 'node:timers/promises';
import { buildApps } from '../faults/build-apps.js';
import { readCommandLine } from '../faults/command-line.js';
import { type FaultHarness, sendersOn, startFaultHarness } from '../faults/fault-harness.js';
import { openOracle, type Verdict } from '../faults/oracle.js';
import { planEvents } from '../faults/plan.js';
import { openProgressFile } from '../faults/progress.js';
import { invariants } from '../faults/report.js';
import { type FaultServers, startServers } from '../faults/servers.js';
import { trendsOf } from './judgement.js';
import { readOptions, type SoakOptions, usage } from './options.js';
import { describe, lineOf } from './report.js';
import { openSampler, type Sample } from './sampler.js';

// `npm run soak` ends up here. Its last line is `N passed, N failed`.

const sampleEveryMs = 10_000;
let servers: FaultServers | null = null;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, async () => {
    await servers?.stop();
    process.exit(130);
  });

const options = readCommandLine(readOptions, usage);
console.error(`seed ${options.seed}`);
const [started, files] = await Promise.all([startServers(), buildApps()]);
servers = started;
const harness = await startFaultHarness({ servers, files, settings: { lockMs: 30_000, retryScale: 1 } });
const { samples, verdict } = await soak(harness, options);
await harness.stop();
await servers.stop();

const trends = trendsOf(samples);
const broken = invariants.filter(({ of }) => verdict[of].length > 0);
const checks = trends.filter(({ limit }) => limit !== null);
const failed = checks.filter(({ isFlat }) => !isFlat).length + broken.length;
const events = samples.at(-1)?.events ?? 0;
if (options.json)
  console.log(JSON.stringify({ ...options, events, trends, broken: broken.map(({ name }) => name) }));
else console.log(describe({ options, samples, trends, verdict }));
console[options.json ? 'error' : 'log'](
  `${checks.length + invariants.length - failed} passed, ${failed} failed`,
);
process.exit(failed === 0 ? 0 : 1);

/** Sends at a fixed rate whatever the answer times, samples every ten seconds, then waits until all is applied. */
async function soak(on: FaultHarness, { minutes, rate, seed }: SoakOptions) {
  const oracle = openOracle(on.databaseUrl);
  const senders = sendersOn(on, { seed });
  const file = openProgressFile(`soak-${seed}`);
  console.error(`progress: ${file.path}`);
  const sampler = openSampler(on, senders);
  const taken: Sample[] = [];
  const planned = planEvents(seed, { firms: on.firms.length });
  const underway = new Set<Promise<unknown>>();
  const beganMs = Date.now();
  const endMs = beganMs + minutes * 60_000;
  let sent = 0;
  let sampling: Promise<void> = Promise.resolve();
  let sampleAtMs = beganMs + sampleEveryMs;
  for (let nowMs = beganMs; nowMs < endMs; nowMs = Date.now()) {
    for (; sent < ((nowMs - beganMs) / 1_000) * rate; sent++) {
      const sending = senders.send(planned.next().value).finally(() => underway.delete(sending));
      underway.add(sending);
    }
    if (nowMs >= sampleAtMs) {
      sampleAtMs += sampleEveryMs;
      sampling = sampling.then(async () => {
        const sample = await sampler.take();
        taken.push(sample);
        file.write(sample);
        if (taken.length % 6 === 0) console.error(lineOf(sample));
      });
    }
    await sleep(20);
  }
  await sampling;
  await Promise.all(underway);
  for (const untilMs = Date.now() + 60_000; Date.now() < untilMs; await sleep(500)) {
    const { events: missing, spilled } = await oracle.missing(senders.sent, () => false);
    if (missing + spilled === 0) break;
  }
  const judged = await oracle.judge({
    sent: senders.sent,
    refusals: senders.refusals,
    mayBeLost: () => false,
  });
  await Promise.all([oracle.close(), sampler.stop()]);
  const result: { samples: Sample[]; verdict: Verdict } = { samples: taken, verdict: judged.verdict };
  file.write({ result: { trends: trendsOf(taken), verdict: judged.verdict } });
  return result;
}
