// `npm run soak [-- --minutes N] [--rate N]`: a steady load, against servers of its own; memory, connections and times must stay.
import { runScript } from './bootstrap.mjs';
import { runTool } from './run-tool.mjs';

await runScript(() => runTool('test/soak/run.ts'));
