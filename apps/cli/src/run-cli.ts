import { CommanderError } from 'commander';
import { printError } from './output/print-error.js';
import { buildProgram } from './program.js';
import { toCliError } from './to-cli-error.js';

/** Runs one command line, given without the program's name. Prints its output, and returns the exit code. */
export async function runCli(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const program = buildProgram({ json });
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // help, version
    const failure = toCliError(error);
    printError(failure, json);
    return failure.exitCode;
  }
}
