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

/** The whole command line, ready to parse. Commands load what is heavy when they run, so that --help is quick. */
export function buildProgram({ json }: { json: boolean }): Command {
  const program = new Command('semel')
    .description('Every webhook, applied once: look after what Semel takes in.')
    .version(version(), '--version', 'print the version')
    .option('--json', 'print exactly one JSON value on standard output, and errors as one on standard error')
    .helpOption('--help', 'print this')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      // Errors are printed by run-cli.ts alone; what is left is help after a command without its subcommand.
      outputError: () => undefined,
      writeErr: (text) => (json ? undefined : process.stderr.write(text)),
    })
    .exitOverride()
    .addHelpText(
      'after',
      `
Exit codes:
  0  done
  1  it failed, or what was named was not found
  2  the command line is wrong: nothing was tried
  130  Ctrl-C: what was done until then is told
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
