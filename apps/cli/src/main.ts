import { runCli } from './run-cli.js';

// A reader such as `head` may close the pipe early.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => process.exit());

process.exitCode = await runCli(process.argv.slice(2));
// Exits even if a library keeps a handle open.
process.stdout.write('', () => process.exit());
