import type { Command } from 'commander';
import type { CliError } from '../cli-error.js';

/** The result of a command, for programs (`value`) and for people (`text`). */
export interface CommandResult {
  /** Printed to standard output with --json, as one value. */
  value: unknown;
  text: string;
  /** Thrown after the result was printed: the command ran, but what it did or found is bad. */
  failure?: CliError;
}

type Handler<Arguments extends unknown[]> = (...given: Arguments) => Promise<CommandResult>;

/** Converts a function that takes the arguments, the options and the command into a commander action that prints its result. */
export const toAction =
  <Arguments extends unknown[]>(handler: Handler<Arguments>) =>
  async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const { value, text, failure } = await handler(...(given as Arguments));
    const json = command.optsWithGlobals().json === true;
    process.stdout.write(`${json ? JSON.stringify(value) : text}\n`);
    if (failure !== undefined) throw failure;
  };
