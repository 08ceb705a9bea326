import { createInterface } from 'node:readline';
import { CliError, exitCodes } from '../cli-error.js';

/** Asks at the terminal. Throws if the reply is not yes, or if there is no terminal. */
export async function confirm(
  question: string,
  { yes, json }: { yes: boolean; json: boolean },
): Promise<void> {
  if (yes) return;
  if (json || !process.stdin.isTTY || !process.stderr.isTTY)
    throw new CliError(
      'confirmation_missing',
      'this command needs a confirmation, and there is no terminal to ask at',
      {
        advice: 'add --yes',
        exitCode: exitCodes.usage,
      },
    );
  process.stderr.write(`${question} [y/N] `);
  // In terminal mode readline would intercept Ctrl-C.
  const lines = createInterface({ input: process.stdin, terminal: false });
  for await (const line of lines) {
    if (/^y(es)?$/i.test(line.trim())) return lines.close();
    break;
  }
  lines.close();
  throw new CliError('cancelled', 'nothing was changed');
}
