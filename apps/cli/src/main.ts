import { CommanderError } from 'commander';
import { printError } from './output/print-error.js';
import { buildProgram } from './program.js';
import { toCliError } from './to-cli-error.js';

// Whoever reads the output may have read enough, as `head` does.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => process.exit());

const args = process.argv.slice(2);
const json = args.includes('--json');
process.exitCode = await run();
// What a library keeps open must not keep the terminal waiting.
process.stdout.write('', () => process.exit());

async function run(): Promise<number> {
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
