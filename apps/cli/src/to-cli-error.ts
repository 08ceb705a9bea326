import type { AdminError } from '@semel/database/admin';
import { CommanderError } from 'commander';
import { CliError, exitCodes, usageError } from './cli-error.js';

/** The codes of `AdminError` that mean that the command line is wrong. */
const usageCodes = new Set([
  'input_invalid',
  'mode_invalid',
  'provider_unknown',
  'secret_missing',
  'slug_invalid',
]);

/** Converts anything that a command throws. Goes by the error's name, because the classes are loaded lazily. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof CommanderError) return fromCommander(error);
  if (!(error instanceof Error)) return new CliError('internal', String(error));
  if (error.name === 'AdminError') return fromAdmin(error as AdminError);
  if (error.name === 'MigrationError')
    return new CliError((error as Error & { code: string }).code, error.message);
  if (error.name === 'RolePasswordError')
    return new CliError((error as Error & { code: string }).code, error.message);
  if (error.name === 'ConfigError') return new CliError('config_invalid', error.message);
  return new CliError('internal', firstLine(error), { cause: error });
}

function fromCommander({ code, message }: CommanderError): CliError {
  if (code === 'commander.help') return usageError('a command is missing', 'see --help');
  const plain = message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
  // The value of a mistyped option may be a secret, as in `--secrt=…`.
  return usageError(plain.replaceAll(/(--?[\w-]+)=[^']*/g, '$1=…'), 'see --help');
}

const fromAdmin = ({ code, message, advice }: AdminError): CliError =>
  new CliError(code, message, {
    advice,
    exitCode: usageCodes.has(code) ? exitCodes.usage : exitCodes.failed,
  });

/** The first line that is not empty: Prisma's messages begin with an empty one. */
const firstLine = (error: Error): string =>
  error.message
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '') ?? error.name;
