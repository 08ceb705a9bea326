import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { checkNode, ensureRedis, generate, installMissing, root } from './bootstrap.mjs';

/**
 * Installs what a fresh clone lacks, runs a TypeScript file of the repository with the arguments of this process, and returns
 * its exit code. `prepare` runs before the file; `options` are those of the process.
 */
export async function runTool(file, { prepare, ...options } = {}) {
  checkNode();
  installMissing();
  ensureRedis();
  generate();
  prepare?.();
  const tool = spawn(
    process.execPath,
    ['--import=tsx', '--conditions=@semel/source', join(root, file), ...process.argv.slice(2)],
    { cwd: root, stdio: 'inherit', ...options },
  );
  // The tool gets Ctrl-C too and stops its servers; this process waits for its last output.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => tool.kill('SIGTERM'));
  const [code] = await once(tool, 'exit');
  return code ?? 1;
}
