// `npm run bench [-- --quick] [--json] [--only P1]`: Semel and what it is measured against, in the same run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { build, checkNode, ensureRedis, generate, installMissing, root, runScript } from './bootstrap.mjs';

await runScript(async () => {
  checkNode();
  installMissing();
  ensureRedis();
  generate();
  build();
  const runner = spawn(
    process.execPath,
    ['--import=tsx', '--conditions=@semel/source', join(root, 'test/bench/run.ts'), ...process.argv.slice(2)],
    { cwd: root, stdio: 'inherit' },
  );
  process.on('SIGINT', () => undefined);
  const [code] = await once(runner, 'exit');
  return code ?? 1;
});
