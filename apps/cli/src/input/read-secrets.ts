import { text } from 'node:stream/consumers';
import { CliError, exitCodes } from '../cli-error.js';

/** The given secrets; `-` reads them from standard input, one per line, so that process lists do not show them. */
export async function readSecrets(given: readonly string[]): Promise<string[]> {
  const secrets: string[] = [];
  for (const secret of given) secrets.push(...(secret === '-' ? await readLines() : [secret]));
  return secrets;
}

let reading: Promise<string[]> | undefined;

function readLines(): Promise<string[]> {
  reading ??= readAll();
  return reading;
}

async function readAll(): Promise<string[]> {
  const lines = (await text(process.stdin)).split('\n').map((line) => line.trim());
  const secrets = lines.filter((line) => line !== '');
  if (secrets.length > 0) return secrets;
  throw new CliError('secret_missing', 'there is no secret on standard input', {
    advice: 'write one per line',
    exitCode: exitCodes.usage,
  });
}
