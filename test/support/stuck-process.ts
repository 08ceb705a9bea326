import { startWatchdog } from '@semel/telemetry';

// A process whose event loop stands still as soon as it is asked to: `node stuck-process.ts <limit in ms>`.

startWatchdog({ app: 'stuck', limitMs: Number(process.argv[2]) });
process.on('message', spin);
process.send?.('ready');

function spin(): never {
  for (;;);
}
