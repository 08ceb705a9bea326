import { CommanderError } from 'commander';
import { CliError, exitCodes, usageError } from './cli-error.js';

/** What the admin side refuses because of how it was asked, not because of what is there. */
const wronglyAsked = new Set([
  'input_invalid',
  'mode_invalid',
  'provider_unknown',
  'secret_missing',
  'slug_invalid',
]);

/** Anything that a command throws, as the one error that people and scripts see. By name: the classes are loaded lazily. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof CommanderError) return fromCommander(error);
  if (!(error instanceof Error)) return new CliError('internal', String(error));
  if (error.name === 'AdminError') return fromAdmin(error as Error & { code: string });
  if (error.name === 'MigrationError')
    return new CliError((error as Error & { code: string }).code, error.message);
  if (error.name === 'ConfigError') return new CliError('config_invalid', error.message);
  return new CliError('internal', firstLine(error), { cause: error });
}

function fromCommander({ code, message }: CommanderError): CliError {
  if (code === 'commander.help') return usageError('a command is missing', 'see --help');
  const plain = message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
  // A mistyped option may hold a secret, as in `--secrt=…`.
  return usageError(plain.replaceAll(/(--?[\w-]+)=[^']*/g, '$1=…'), 'see --help');
}

/** Its messages are sentences, the last of which says what to do. */
function fromAdmin({ code, message }: Error & { code: string }): CliError {
  const cut = message.lastIndexOf('. ');
  const [what, advice] = cut < 0 ? [message, ''] : [message.slice(0, cut), message.slice(cut + 2)];
  return new CliError(code, what, {
    ...(advice === '' ? {} : { advice: advice[0]?.toLowerCase() + advice.slice(1).replace(/\.$/, '') }),
    exitCode: wronglyAsked.has(code) ? exitCodes.usage : exitCodes.failed,
  });
}

/** Prisma's and others' messages are paragraphs that begin with an empty line. */
const firstLine = (error: Error): string =>
  error.message
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '') ?? error.name;
