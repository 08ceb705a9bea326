import { runCli } from './run-cli.js';

// Whoever reads the output may have read enough, as `head` does.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => process.exit());

process.exitCode = await runCli(process.argv.slice(2));
// What a library keeps open must not keep the terminal waiting.
process.stdout.write('', () => process.exit());
