import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

async function start(
  t: Test,
  limitMs: number,
  stdout: 'pipe' | 'ignore' = 'pipe',
  wrapper: readonly string[] = [],
) {
  const file = fileURLToPath(new URL('../support/stuck-process.ts', import.meta.url));
  const [command, ...args] = [...wrapper, process.execPath, ...process.execArgv, file, String(limitMs)];
  const child = spawn(command as string, args, { stdio: ['ignore', stdout, 'inherit', 'ipc'] });
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  await once(child, 'message');
  return { child, output: () => output };
}

const exitOf = (child: ChildProcess) => once(child, 'exit') as Promise<[number | null, string | null]>;

t.test('a process with a blocked event loop ends, and logs what was running', async (t) => {
  const { child, output } = await start(t, 500);
  const beganMs = performance.now();
  child.send('spin');
  t.same(await exitOf(child), [null, 'SIGKILL']);
  const tookMs = performance.now() - beganMs;
  t.ok(tookMs > 400 && tookMs < 3_000, `ended after ${tookMs} ms`);
  const line = JSON.parse(output());
  t.match(line, { level: 'fatal', app: 'stuck', msg: 'process.stuck', pid: child.pid });
  t.match(line.running[0], /^spin .*stuck-process\.ts:\d+$/);
});

/** How to run a command as the first process of its own PID namespace, as a container does. */
const asFirstProcess = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child'];
const noNamespaces =
  spawnSync(asFirstProcess[0] as string, [...asFirstProcess.slice(1), 'true']).status !== 0;

t.test('it ends even as the first process of a container', { skip: noNamespaces }, async (t) => {
  const { child, output } = await start(t, 300, 'pipe', asFirstProcess);
  child.send('spin');
  t.same(await exitOf(child), [137, null]);
  t.match(JSON.parse(output()), { msg: 'process.stuck', pid: 1 });
});

t.test('it ends even when its output is not read', async (t) => {
  const { child } = await start(t, 300);
  child.stdout?.pause();
  child.send('spin');
  t.same(await exitOf(child), [null, 'SIGKILL']);
});

t.test('a process that was suspended continues', async (t) => {
  const { child } = await start(t, 500);
  child.kill('SIGSTOP');
  await sleep(2_000);
  child.kill('SIGCONT');
  await sleep(1_000);
  t.equal(child.exitCode ?? child.signalCode, null);
});

t.test('a limit of 0 turns the watchdog off', async (t) => {
  const { child } = await start(t, 0);
  child.send('spin');
  await sleep(1_500);
  t.equal(child.exitCode ?? child.signalCode, null);
});
