import { createInterface } from 'node:readline';
import { CliError, exitCodes } from '../cli-error.js';

/** Asks the person at the terminal; throws where the answer is not yes, or where nobody is there to ask. */
export async function confirm(
  question: string,
  { yes, json }: { yes: boolean; json: boolean },
): Promise<void> {
  if (yes) return;
  if (json || !process.stdin.isTTY || !process.stderr.isTTY)
    throw new CliError('confirmation_missing', 'this needs a yes, and nobody is there to ask', {
      advice: 'add --yes',
      exitCode: exitCodes.usage,
    });
  process.stderr.write(`${question} [y/N] `);
  // Not as a terminal: that leaves Ctrl-C what it is.
  const lines = createInterface({ input: process.stdin, terminal: false });
  for await (const line of lines) {
    if (/^y(es)?$/i.test(line.trim())) return lines.close();
    break;
  }
  lines.close();
  throw new CliError('cancelled', 'nothing was changed');
}
