import type { Command } from 'commander';
import type { CliError } from '../cli-error.js';

/** What a command has to say: the same for a program (`value`) and for a person (`text`). */
export interface Answer {
  /** Printed with --json, as the one value on standard output. */
  value: unknown;
  text: string;
  /** Thrown after the answer was printed: it is an answer, but not a good one. */
  failure?: CliError;
}

type Handler<Arguments extends unknown[]> = (...given: Arguments) => Promise<Answer>;

/** Makes a commander action of a function that takes arguments, options and the command, and returns its answer. */
export const answering =
  <Arguments extends unknown[]>(handler: Handler<Arguments>) =>
  async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const { value, text, failure } = await handler(...(given as Arguments));
    const json = command.optsWithGlobals().json === true;
    process.stdout.write(`${json ? JSON.stringify(value) : text}\n`);
    if (failure !== undefined) throw failure;
  };
