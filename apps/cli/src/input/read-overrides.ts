import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { usageError } from '../cli-error.js';

/** The JSON object in a file, or on standard input for `-`. */
export async function readOverrides(file: string): Promise<Record<string, unknown>> {
  const content = await (file === '-' ? text(process.stdin) : readFile(file, 'utf8')).catch(
    (error: NodeJS.ErrnoException) => {
      throw usageError(
        `${file} can't be read (${error.code ?? error.message})`,
        'name a file with JSON in it',
      );
    },
  );
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    throw usageError(`${file} is not JSON`, 'write one JSON object, such as {"amount_due": 4200}');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw usageError(`${file} is not a JSON object`, 'write one, such as {"amount_due": 4200}');
  return parsed as Record<string, unknown>;
}
