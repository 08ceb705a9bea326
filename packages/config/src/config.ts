import type { z } from 'zod';
import { resolveDataDir } from './data-dir.js';
import { ConfigError } from './errors.js';
import { readVariables } from './read-variables.js';
import { type AppName, readSecretsFile, secretNames, secretNamesOf, secretsFile } from './secrets.js';
import { providerSchema, settingsSchema, variables } from './variables.js';

type Values = z.infer<typeof settingsSchema>;

export type Address = Values['receiver'];
export type ProviderConfig = Readonly<z.infer<ReturnType<typeof providerSchema>>>;
export type DocusignConfig = {
  readonly [Key in keyof Values['docusign']]: NonNullable<Values['docusign'][Key]>;
};

/** All settings, checked and frozen. Durations are in milliseconds; null means unset. */
export interface Settings
  extends Readonly<Omit<Values, 'publicBaseUrl' | 'databasePasswords' | 'docusign' | 'handlers' | 'outbox'>> {
  /** Without a trailing slash. */
  readonly publicBaseUrl: string;
  /** Of the apps' roles; null where this process does not hold one. */
  readonly databasePasswords: Readonly<Values['databasePasswords']>;
  /** null: envelopes are not read from DocuSign. */
  readonly docusign: DocusignConfig | null;
  readonly handlers: readonly string[];
  readonly outbox: Readonly<Values['outbox']>;
  /** The settings of any provider, by its name. Throws `ConfigError`. */
  readonly ofProvider: (name: string) => ProviderConfig;
}

/** Settings with both stores and the key: what every app and the CLI need. */
export interface Config extends Settings {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly encryptionKey: Buffer;
}

/**
 * The one place where the environment is read. Throws `ConfigError` with a line for each variable that is wrong or missing.
 * `providerNames`: the providers whose variables are checked as well. `app`: the app that this process is; other apps' secrets
 * are not read from the file.
 */
export function loadConfig(
  env: NodeJS.ProcessEnv = process.env,
  providerNames: readonly string[] = [],
  app: AppName | null = null,
): Config {
  const settings = loadSettings(env, providerNames, app);
  const { databaseUrl, redisUrl, encryptionKey } = settings;
  if (databaseUrl !== null && redisUrl !== null && encryptionKey !== null) return settings as Config;
  const required = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, SEMEL_ENCRYPTION_KEY: encryptionKey };
  throw new ConfigError(
    Object.entries(required)
      .filter(([, value]) => value === null)
      .map(([name]) => missingLine(name, settings.dataDir)),
  );
}

/** For `npm start`, which creates what is missing. Throws `ConfigError` where a variable is set but wrong. */
export function loadSettings(
  env: NodeJS.ProcessEnv = process.env,
  providerNames: readonly string[] = [],
  app: AppName | null = null,
): Settings {
  const dataDir = resolveDataDir(env.SEMEL_DATA_DIR);
  const names = app === null ? secretNames : secretNamesOf(app);
  const stored = names.every((name) => env[name]) ? {} : readSecretsFile(dataDir, names);
  const source = { env, stored, storedIn: secretsFile(dataDir) };
  const readProvider = (name: string) => readVariables(providerSchema(name), source);
  const { values, problems } = readVariables(settingsSchema, source);
  const checked = new Map(providerNames.map((name) => [name, readProvider(name)]));
  const all = [
    ...problems,
    ...[...checked.values()].flatMap((read) => read.problems),
    ...missingForDocusign(env),
  ];
  if (values === null || all.length > 0) throw new ConfigError(all);
  return toSettings(values, (name) => {
    const read = checked.get(name) ?? readProvider(name);
    if (read.values === null) throw new ConfigError(read.problems);
    return Object.freeze(read.values);
  });
}

/** The password that the console needs. Throws `ConfigError` where it is unset. */
export function requireConsolePassword(config: Settings): string {
  if (config.consolePassword === null)
    throw new ConfigError([missingLine('CONSOLE_PASSWORD', config.dataDir)]);
  return config.consolePassword;
}

/** The address at which an app can be called: a wildcard listener is called on the loopback. */
export function baseUrl({ host, port }: Address): string {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** DocuSign's credentials: all three, or none. */
function missingForDocusign(env: NodeJS.ProcessEnv): string[] {
  const names = ['DOCUSIGN_INTEGRATION_KEY', 'DOCUSIGN_USER_ID', 'DOCUSIGN_PRIVATE_KEY'];
  const given = names.filter((name) => env[name]);
  if (given.length === 0) return [];
  return names
    .filter((name) => !env[name])
    .map(
      (name) => `${name} is not set, but ${given.join(' and ')} ${given.length === 1 ? 'needs' : 'need'} it`,
    );
}

const missingLine = (name: string, dataDir: string) => {
  const expected = variables.find((variable) => variable.name === name)?.expected;
  return `${name} is not set, nor stored in ${secretsFile(dataDir)}: expected ${expected}; \`npm start\` generates it`;
};

const toSettings = (values: Values, ofProvider: Settings['ofProvider']): Settings =>
  Object.freeze<Settings>({
    ...values,
    publicBaseUrl: values.publicBaseUrl ?? baseUrl(values.receiver),
    // Copies: Fastify writes into the object that `listen` is given.
    get receiver() {
      return { ...values.receiver };
    },
    get worker() {
      return { ...values.worker };
    },
    get console() {
      return { ...values.console };
    },
    databasePasswords: Object.freeze(values.databasePasswords),
    docusign:
      values.docusign.integrationKey === null ? null : Object.freeze(values.docusign as DocusignConfig),
    handlers: Object.freeze(values.handlers),
    outbox: Object.freeze(values.outbox),
    ofProvider,
  });
