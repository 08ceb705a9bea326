import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { account } from './commands/account.js';
import { audit } from './commands/audit.js';
import { claims } from './commands/claims.js';
import { destination } from './commands/destination.js';
import { endpoint } from './commands/endpoint.js';
import { events } from './commands/events.js';
import { firm } from './commands/firm.js';
import { migrate } from './commands/migrate.js';
import { outbox } from './commands/outbox.js';
import { provider } from './commands/provider.js';
import { quarantine } from './commands/quarantine.js';
import { queue } from './commands/queue.js';
import { replay } from './commands/replay.js';
import { send } from './commands/send.js';
import { status } from './commands/status.js';

/** The whole command line. Commands import heavy packages only when they run, so that --help is fast. */
export function buildProgram({ json }: { json: boolean }): Command {
  const program = new Command('semel')
    .description('Every webhook, applied once: operate Semel from the command line.')
    .version(version(), '--version', 'print the version')
    .option(
      '--json',
      'print one JSON value to standard output, and an error as one JSON value to standard error',
    )
    .helpOption('--help', 'print this help')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      // run-cli.ts prints all errors. Only the help after an incomplete command is printed here.
      outputError: () => undefined,
      writeErr: (text) => (json ? undefined : process.stderr.write(text)),
    })
    .exitOverride()
    .addHelpText(
      'after',
      `
Exit codes:
  0  done
  1  the command failed, or did not find what was named
  2  the command line is wrong; nothing was changed
  130  interrupted by Ctrl-C; the output says what was done
Errors are one line on standard error: \`code: message — what to do\`.`,
    );
  for (const add of [
    firm,
    endpoint,
    account,
    send,
    status,
    events,
    replay,
    quarantine,
    queue,
    destination,
    outbox,
    audit,
    claims,
    migrate,
    provider,
  ])
    add(program);
  return program;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
