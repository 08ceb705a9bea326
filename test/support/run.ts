import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { t } from 'tap';
import { makeTemplate, testDatabaseEnv } from './database.js';
import { collectFailures, describeFailure } from './report.js';
import { startPostgres } from './servers.js';

// Runs test files, each as a process of its own, two at a time, on one PostgreSQL cluster. `npm test` starts it.

const timeoutMs = Number(process.env.SEMEL_TEST_TIMEOUT_MS ?? 600_000);
const jobs = Number(process.env.SEMEL_TEST_JOBS ?? 2);
const order = ['unit', 'integration', 'conformance', 'e2e', 'faults'];

/** Tests that kill processes and fail clusters over are slow: `npm test -- test/faults` runs them. */
const proofs = /faults\/(matrix\/|sentinel|cluster|half-open)/;
const files =
  process.argv.length > 2
    ? process.argv.slice(2).flatMap(findFiles)
    : findFiles('test').filter((file) => !proofs.test(file));
const missing = process.argv.slice(2).filter((path) => findFiles(path).length === 0);
if (missing.length > 0) throw new Error(`there is no test file ${missing.join(', ')}`);

const began = Date.now();
// The thread that reads large bodies runs from the build: a thread can't load TypeScript.
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'packages/providers'], {
  stdio: 'inherit',
});
const cluster = await startPostgres({ fsync: false });
const env = {
  ...process.env,
  // Seconds. Each file reports this limit to its parent, where it overrides the one below.
  TAP_TIMEOUT: String(timeoutMs / 1000),
  [testDatabaseEnv.cluster]: cluster.url,
  [testDatabaseEnv.template]: await makeTemplate(cluster),
};

t.pipe(new Writable({ write: (_chunk, _encoding, done) => done() })); // reported below, in a shorter form
t.jobs = jobs;
t.setTimeout(0); // each file has its own limit; tap's limit for the whole run would end whatever file runs then
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => finish(130));

const runs = files.map(async (file) => {
  let start = Date.now();
  const name = relative('test', file);
  const running = t.spawn(
    process.execPath,
    ['--import=tsx', '--conditions=@semel/source', '--enable-source-maps', file],
    { env, timeout: timeoutMs, buffered: true },
    name,
  );
  const test = running.subtest;
  const failures = test === null ? [] : collectFailures(test.parser);
  test?.on('preprocess', () => {
    start = Date.now();
  });
  await running.catch(() => undefined);
  const { pass = 0, fail = 0, skip = 0 } = test?.counts ?? {};
  const ok = test?.results?.ok === true;
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  const counted = `${pass} passed${fail > 0 ? `, ${fail} failed` : ''}${skip > 0 ? `, ${skip} skipped` : ''}`;
  console.log(`${ok ? '✓' : '✗'} ${name}  ${counted}  ${seconds} s`);
  if (!ok && failures.length === 0)
    console.log(
      `    ended with ${JSON.stringify(test?.options.exitCode ?? test?.options.signal ?? 'a timeout')}`,
    );
  for (const failure of failures) console.log(describeFailure(failure));
  return ok;
});
const results = await Promise.all(runs);
await finish(results.every(Boolean) ? 0 : 1);

async function finish(code: number): Promise<void> {
  await cluster.stop();
  const { pass, fail } = t.counts;
  const failed = Math.max(fail, code === 0 ? 0 : 1);
  console.log(`${files.length} files in ${Math.round((Date.now() - began) / 1000)} s`);
  console.log(`${pass} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

function findFiles(path: string): string[] {
  if (/\.test\.ts$/.test(path)) return existsSync(path) ? [resolve(path)] : [];
  if (!existsSync(path)) return [];
  const found = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.test.ts'),
  );
  const rank = (name: string) => order.findIndex((folder) => name.split('/').includes(folder));
  return found.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b)).map((name) => resolve(path, name));
}
