import type { CliError } from '../cli-error.js';
import { safeText } from './safe-text.js';

/** On standard error: `code: message — what to do`, a line each where several things are wrong; with --json one JSON value. */
export function printError({ code, message, advice }: CliError, json: boolean): void {
  const whole = advice === null ? message : `${message} — ${advice}`;
  const lines = whole.split('\n').map((line) => `${code}: ${safeText(line)}\n`);
  process.stderr.write(json ? `${JSON.stringify({ error: { code, message: whole } })}\n` : lines.join(''));
}
