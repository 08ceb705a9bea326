import { text } from 'node:stream/consumers';

/** The secrets as given; `-` stands for those on standard input, one a line, so that they show in no list of processes. */
export async function readSecrets(given: readonly string[]): Promise<string[]> {
  const secrets: string[] = [];
  for (const secret of given) secrets.push(...(secret === '-' ? await readLines() : [secret]));
  return secrets;
}

let read: Promise<string[]> | undefined;

function readLines(): Promise<string[]> {
  read ??= text(process.stdin).then((all) =>
    all
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  );
  return read;
}
