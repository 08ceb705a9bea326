// `npm test [-- files]`: runs the whole suite, or the given files, against temporary servers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { read, runScript } from './bootstrap.mjs';
import { runTool } from './run-tool.mjs';

await runScript(async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'semel-test-'));
  const code = await runTool('test/support/run.ts', {
    env: { ...withoutSettings(process.env), SEMEL_DATA_DIR: dataDir, TAP_TIMEOUT: '0' },
  });
  rmSync(dataDir, { recursive: true, force: true });
  return code;
});

/** The suite must neither read nor change the stores that the developer works with. */
function withoutSettings(env) {
  const ours = /^(SEMEL_(?!TEST_)|REDIS_|QUEUE_|ACK_|TAP|NODE_OPTIONS)/;
  const documented = new Set(read('.env.example').match(/(?<=^#)[A-Z_]+(?==)/gm));
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !ours.test(name) && !documented.has(name)),
  );
}
