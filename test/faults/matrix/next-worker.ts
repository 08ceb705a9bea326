import { buildApps } from '../build-apps.js';

/** Builds a worker of a later release, which also reads the next job version. Returns the file to run. */
export async function buildNextWorker(): Promise<string> {
  const { worker } = await buildApps({
    name: `next-${process.pid}`,
    edits: [
      {
        file: 'packages/queue/src/read-event.ts',
        find: 'if (data.v === 2) return data;',
        replace: 'if (data.v === 2 || (data.v as number) === 3) return data;',
      },
    ],
  });
  return worker;
}
