import { buildApps } from '../build-apps.js';

/** The worker as a later release would bring it: it knows the next version of jobs as well. Returns the file to run. */
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
