// `npm test [-- files]`: the whole suite, or the files given, against servers of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkNode, ensureRedis, generate, installMissing, read, root, runScript } from './bootstrap.mjs';

await runScript(async () => {
  checkNode();
  installMissing();
  ensureRedis();
  generate();

  const dataDir = mkdtempSync(join(tmpdir(), 'semel-test-'));
  const runner = spawn(
    process.execPath,
    [
      '--import=tsx',
      '--conditions=@semel/source',
      join(root, 'test/support/run.ts'),
      ...process.argv.slice(2),
    ],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...withoutSettings(process.env), SEMEL_DATA_DIR: dataDir, TAP_TIMEOUT: '0' },
    },
  );
  // The runner gets Ctrl-C as well, and stops its servers; ending before it would leave its last line out.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => runner.kill('SIGTERM'));
  const [code] = await once(runner, 'exit');
  rmSync(dataDir, { recursive: true, force: true });
  return code ?? 1;
});

/** The suite must neither see nor touch what the person at the keyboard works with. */
function withoutSettings(env) {
  const ours = /^(SEMEL_(?!TEST_)|REDIS_|QUEUE_|ACK_|TAP|NODE_OPTIONS)/;
  const documented = new Set(read('.env.example').match(/(?<=^#)[A-Z_]+(?==)/gm));
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !ours.test(name) && !documented.has(name)),
  );
}
