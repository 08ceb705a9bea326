// `npm run faults [-- --events N] [--seed N] [--quick] [--sabotage list|NAME|all]`: random faults, or a deliberately broken
// product, against temporary servers.
import { runScript } from './bootstrap.mjs';
import { runTool } from './run-tool.mjs';

await runScript(() => runTool('test/faults/run.ts'));
