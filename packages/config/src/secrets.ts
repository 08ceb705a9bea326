import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError } from './errors.js';

/** Values that `npm start` generates or stores. Every process reads them where the variable is unset. */
export const secretNames = [
  'SEMEL_ENCRYPTION_KEY',
  'CONSOLE_PASSWORD',
  'DATABASE_URL',
  'REDIS_URL',
  'EMBEDDED_POSTGRES_PASSWORD',
  'EMBEDDED_REDIS_PASSWORD',
] as const;
export type SecretName = (typeof secretNames)[number];
export type Secrets = Partial<Record<SecretName, string>>;

export const secretsFile = (dataDir: string): string => join(dataDir, 'secrets.env');

/** The secrets stored in the data folder; empty without the file. Throws `ConfigError` if the file can't be read. */
export function readSecretsFile(dataDir: string): Secrets {
  let text: string;
  try {
    text = readFileSync(secretsFile(dataDir), 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw new ConfigError([`SEMEL_DATA_DIR: ${secretsFile(dataDir)} can't be read (${code})`]);
  }
  const values = parseEnv(text);
  return Object.fromEntries(secretNames.flatMap((name) => (values[name] ? [[name, values[name]]] : [])));
}

/** Replaces the file atomically, with mode 0600. `undefined` removes a value. */
export function writeSecrets(
  dataDir: string,
  changes: Partial<Record<SecretName, string | undefined>>,
): Secrets {
  const secrets = { ...readSecretsFile(dataDir), ...changes };
  const lines = secretNames.flatMap((name) =>
    secrets[name] ? [`${name}='${secrets[name].replaceAll("'", '%27')}'`] : [],
  );
  const text = [
    '# Written by `npm start`. Without SEMEL_ENCRYPTION_KEY the signing secrets in the database are lost: back it up.',
    ...lines,
    '',
  ].join('\n');
  mkdirSync(dataDir, { recursive: true });
  const file = secretsFile(dataDir);
  const temporary = `${file}.${process.pid}`;
  const descriptor = openSync(temporary, 'w', 0o600);
  writeSync(descriptor, text);
  fsyncSync(descriptor); // without it a power cut could leave an empty file, and the key would be lost
  closeSync(descriptor);
  chmodSync(temporary, 0o600); // the file may be a leftover of a dead process, with another mode
  renameSync(temporary, file);
  return readSecretsFile(dataDir);
}

const generators: Record<string, () => string> = {
  SEMEL_ENCRYPTION_KEY: () => randomBytes(32).toString('base64'),
  CONSOLE_PASSWORD: () => randomBytes(15).toString('base64url'),
  EMBEDDED_POSTGRES_PASSWORD: () => randomBytes(18).toString('base64url'),
  EMBEDDED_REDIS_PASSWORD: () => randomBytes(18).toString('base64url'),
};

/** Generates and stores each secret that is neither in the environment nor in the file. A stored secret never changes. */
export function ensureSecrets(dataDir: string, env: NodeJS.ProcessEnv = process.env): Secrets {
  const stored = readSecretsFile(dataDir);
  const missing = Object.entries(generators).filter(([name]) => !env[name] && !stored[name as SecretName]);
  if (missing.length === 0) return stored;
  return writeSecrets(dataDir, Object.fromEntries(missing.map(([name, generate]) => [name, generate()])));
}
