// `npm run bench [-- --quick] [--json] [--only P1]`: measures Semel and its baselines in the same run.
import { build, runScript } from './bootstrap.mjs';
import { runTool } from './run-tool.mjs';

await runScript(() => runTool('test/bench/run.ts', { prepare: build }));
