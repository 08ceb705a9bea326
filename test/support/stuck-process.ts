import { startWatchdog } from '@semel/telemetry';

// A process that blocks its event loop on request: `node stuck-process.ts <limit in ms>`.

startWatchdog({ app: 'stuck', limitMs: Number(process.argv[2]) });
process.on('message', spin);
process.send?.('ready');

function spin(): never {
  for (;;);
}
