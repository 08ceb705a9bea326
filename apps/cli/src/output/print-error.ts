import type { CliError } from '../cli-error.js';
import { safeText } from './safe-text.js';

/** Prints to standard error: `code: message — advice`, one line per line of the message; with --json one JSON value. */
export function printError({ code, message, advice }: CliError, json: boolean): void {
  const whole = advice === null ? message : `${message} — ${advice}`;
  const lines = whole.split('\n').map((line) => `${code}: ${safeText(line)}\n`);
  process.stderr.write(
    json ? `${JSON.stringify({ error: { code, message: whole, advice } })}\n` : lines.join(''),
  );
}
