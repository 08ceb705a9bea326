// `npm run soak [-- --minutes N] [--rate N]`: a steady load on temporary servers; memory, connections and latencies must not grow.
import { runScript } from './bootstrap.mjs';
import { runTool } from './run-tool.mjs';

await runScript(() => runTool('test/soak/run.ts'));
