import { once } from 'node:events';

/** Waits for a slow reader, so that a list of any size needs the memory of one page. */
export async function writeOut(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
