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

/** Values that `npm start` generates or stores. A process reads those that it needs where the variable is unset. */
export const secretNames = [
  'SEMEL_ENCRYPTION_KEY',
  'RECEIVER_DATABASE_PASSWORD',
  'WORKER_DATABASE_PASSWORD',
  'CONSOLE_DATABASE_PASSWORD',
  'CONSOLE_PASSWORD',
  'DATABASE_URL',
  'REDIS_URL',
  'EMBEDDED_POSTGRES_PASSWORD',
  'EMBEDDED_REDIS_PASSWORD',
] as const;
export type SecretName = (typeof secretNames)[number];
export type Secrets = Partial<Record<SecretName, string>>;

export const appNames = ['receiver', 'worker', 'console'] as const;
export type AppName = (typeof appNames)[number];

/** The secrets that one app needs. No app gets another one's. */
export const secretNamesOf = (app: AppName): SecretName[] => [
  'SEMEL_ENCRYPTION_KEY',
  'DATABASE_URL',
  'REDIS_URL',
  `${app.toUpperCase() as Uppercase<AppName>}_DATABASE_PASSWORD`,
  ...(app === 'console' ? (['CONSOLE_PASSWORD'] as const) : []),
];

export const secretsFile = (dataDir: string): string => join(dataDir, 'secrets.env');

/** Those of the named secrets that the data folder stores. Throws `ConfigError` if its file can't be read. */
export function readSecretsFile(dataDir: string, names: readonly SecretName[] = secretNames): Secrets {
  let text: string;
  try {
    text = readFileSync(secretsFile(dataDir), 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw new ConfigError([`SEMEL_DATA_DIR: ${secretsFile(dataDir)} can't be read (${code})`]);
  }
  const values = parseEnv(text);
  return Object.fromEntries(names.flatMap((name) => (values[name] ? [[name, values[name]]] : [])));
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

const createPassword = () => randomBytes(18).toString('base64url');

const generators: Record<string, () => string> = {
  SEMEL_ENCRYPTION_KEY: () => randomBytes(32).toString('base64'),
  RECEIVER_DATABASE_PASSWORD: createPassword,
  WORKER_DATABASE_PASSWORD: createPassword,
  CONSOLE_DATABASE_PASSWORD: createPassword,
  CONSOLE_PASSWORD: () => randomBytes(15).toString('base64url'),
  EMBEDDED_POSTGRES_PASSWORD: createPassword,
  EMBEDDED_REDIS_PASSWORD: createPassword,
};

/** Generates and stores each secret that is neither in the environment nor in the file. A stored secret never changes. */
export function ensureSecrets(dataDir: string, env: NodeJS.ProcessEnv = process.env): Secrets {
  const stored = readSecretsFile(dataDir);
  const missing = Object.entries(generators).filter(([name]) => !env[name] && !stored[name as SecretName]);
  if (missing.length === 0) return stored;
  return writeSecrets(dataDir, Object.fromEntries(missing.map(([name, generate]) => [name, generate()])));
}
