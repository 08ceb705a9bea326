// `npm run faults [-- --events N] [--seed N] [--quick] [--sabotage list|NAME|all]`: random faults, or a product that is
// broken on purpose, against servers of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { checkNode, ensureRedis, generate, installMissing, root, runScript } from './bootstrap.mjs';

await runScript(async () => {
  checkNode();
  installMissing();
  ensureRedis();
  generate();
  const runner = spawn(
    process.execPath,
    [
      '--import=tsx',
      '--conditions=@semel/source',
      join(root, 'test/faults/run.ts'),
      ...process.argv.slice(2),
    ],
    { cwd: root, stdio: 'inherit' },
  );
  // The runner gets Ctrl-C as well, and stops its servers.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => runner.kill('SIGTERM'));
  const [code] = await once(runner, 'exit');
  return code ?? 1;
});
