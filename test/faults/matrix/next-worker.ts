import { buildApps } from '../build-apps.js';

/** The worker as a later release would bring it: it knows the next version of jobs as well. Returns the file to run. */
export async function buildNextWorker(): Promise<string> {
  const { worker } = await buildApps({
    name: `next-${process.pid}`,
    edits: [
      {
        file: 'packages/queue/src/consumer.ts',
        find: 'job.data.v !== knownVersion',
        replace: 'job.data.v > knownVersion + 1',
      },
    ],
  });
  return worker;
}
