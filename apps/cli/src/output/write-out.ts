import { once } from 'node:events';

/** Waits where whoever reads is slower than we are: a listing of any size needs no more memory than a page of it. */
export async function writeOut(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
