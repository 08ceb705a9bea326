import { resolveDataDir, resolvePaths } from './data-dir.js';
import { ConfigError } from './errors.js';
import { readSecretsFile, type Secrets, secretNames, secretsFile } from './secrets.js';
import { docusignSecrets, providerVariables, toKey, type Variable, variables } from './variables.js';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ProviderConfig {
  readonly concurrency: number;
  /** null: the attempts of the provider's own retry policy. */
  readonly attempts: number | null;
  /** Multiplies the delays of the provider's retry policy. */
  readonly retryScale: number;
  readonly ackDurability: 'queue' | 'postgres';
}

export interface OutboxConfig {
  readonly concurrency: number;
  readonly attempts: number;
  /** Multiplies the waits between attempts. */
  readonly retryScale: number;
  readonly timeoutMs: number;
  readonly pollMs: number;
  /** Whether destinations may be private addresses. */
  readonly allowPrivate: boolean;
}

/** All settings, checked, frozen. Durations in milliseconds. */
export interface Settings {
  readonly databaseUrl: string | null;
  readonly redisUrl: string | null;
  /** 32 bytes. */
  readonly encryptionKey: Buffer | null;
  /** Absolute path. */
  readonly dataDir: string;
  /** Who uses the command line; null: not said. */
  readonly operator: string | null;
  /** null: not said. */
  readonly demo: boolean | null;
  /** null: unset; the console does not start without it. */
  readonly consolePassword: string | null;
  /** Without a trailing slash. */
  readonly publicBaseUrl: string;
  readonly receiver: Address;
  readonly worker: Address;
  readonly console: Address;
  readonly logLevel: LogLevel;
  /** null: not said. */
  readonly logFormat: 'pretty' | 'json' | null;
  readonly acceptBudgetMs: number;
  readonly redisCommandTimeoutMs: number;
  /** Of `maxmemory`, 0 … 1. */
  readonly redisHighWater: number;
  /** Jobs that wait in one queue. */
  readonly queueBacklogLimit: number;
  readonly spillPollMs: number;
  readonly spillAgainAfterMs: number;
  readonly sweepEveryMs: number;
  readonly sweepGraceMs: number;
  readonly endpointRefreshMs: number;
  readonly deliveryFlushMs: number;
  readonly shutdownTimeoutMs: number;
  /** How long an event loop may stand still; 0: for ever. */
  readonly watchdogLimitMs: number;
  /** Of large bodies in one receiver. */
  readonly receiverBodyBytes: number;
  readonly receiverMaxConnections: number;
  /** The settings of any provider, by its name; the defaults where none is set. Throws `ConfigError`. */
  readonly ofProvider: (name: string) => ProviderConfig;
  /** null: DocuSign is not asked for envelopes whose messages came without data. */
  readonly docusign: DocusignConfig | null;
  /** Absolute paths of the modules with the team's own handlers and deliveries. */
  readonly handlers: readonly string[];
  readonly handlerTimeoutMs: number;
  readonly outbox: OutboxConfig;
}

export interface DocusignConfig {
  readonly integrationKey: string;
  readonly userId: string;
  /** PEM. */
  readonly privateKey: string;
  /** Without a trailing slash. */
  readonly basePath: string;
  readonly oauthHost: string;
}

/** Settings with both stores and the key: what every app and the CLI need. */
export interface Config extends Settings {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly encryptionKey: Buffer;
}

/**
 * The one place where the environment is read. Throws `ConfigError` with a line for each variable that is wrong or missing.
 * `providerNames`: the registry's, so that their variables are checked as well.
 */
export function loadConfig(
  env: NodeJS.ProcessEnv = process.env,
  providerNames: readonly string[] = [],
): Config {
  const settings = loadSettings(env, providerNames);
  const { databaseUrl, redisUrl, encryptionKey } = settings;
  if (databaseUrl === null || redisUrl === null || encryptionKey === null) {
    const missing = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, SEMEL_ENCRYPTION_KEY: encryptionKey };
    throw new ConfigError(
      Object.entries(missing)
        .filter(([, value]) => value === null)
        .map(([name]) => missingLine(name, settings.dataDir)),
    );
  }
  return settings as Config;
}

/** For `npm start`, which brings what is missing. Throws `ConfigError` where a variable is set but wrong. */
export function loadSettings(
  env: NodeJS.ProcessEnv = process.env,
  providerNames: readonly string[] = [],
): Settings {
  const dataDir = resolveDataDir(env.SEMEL_DATA_DIR);
  const problems: string[] = [];
  const kept = secretNames.every((name) => env[name]) ? {} : readSecretsFile(dataDir);
  const read = (of: readonly Variable[]) => readValues(of, env, kept, dataDir, problems);
  const values = read(variables);
  const ofProvider = (name: string) => toProviderConfig(name, read(providerVariables(name)));
  const checked = new Map(providerNames.map((name) => [name, ofProvider(name)]));
  const given = docusignSecrets.filter((name) => env[name]);
  if (given.length > 0)
    for (const name of docusignSecrets)
      if (!env[name]) problems.push(`${name} is not set, and ${given.join(' and ')} can't do without it`);
  if (problems.length > 0) throw new ConfigError(problems);
  return toSettings(values, dataDir, (name) => {
    const config = checked.get(name) ?? ofProvider(name);
    if (problems.length > 0) throw new ConfigError(problems);
    return config;
  });
}

/** The password that the console can't do without. */
export function requireConsolePassword(config: Settings): string {
  if (config.consolePassword === null)
    throw new ConfigError([missingLine('CONSOLE_PASSWORD', config.dataDir)]);
  return config.consolePassword;
}

const missingLine = (name: string, dataDir: string) => {
  const expected = variables.find((variable) => variable.name === name)?.expected;
  return `${name} is not set, nor kept in ${secretsFile(dataDir)}: expected ${expected}; \`npm start\` generates it`;
};

type Values = Record<string, unknown>;

function readValues(
  of: readonly Variable[],
  env: NodeJS.ProcessEnv,
  kept: Secrets,
  dataDir: string,
  problems: string[],
): Values {
  const values: Values = {};
  for (const { name, schema, expected, secret } of of) {
    const own = env[name] || undefined; // an empty variable is an unset one, as compose files pass them
    const text = own ?? (kept as Values)[name];
    const parsed = schema.safeParse(text);
    if (parsed.success) values[name] = parsed.data;
    else {
      const where = own === undefined ? ` in ${secretsFile(dataDir)}` : '';
      problems.push(`${name}${where}: expected ${expected}${secret ? '' : `, not \`${text}\``}`);
    }
  }
  return values;
}

function toProviderConfig(provider: string, values: Values): ProviderConfig {
  const name = provider.toUpperCase();
  return Object.freeze({
    concurrency: values[`${name}_CONCURRENCY`] as number,
    attempts: (values[`${name}_ATTEMPTS`] as number | undefined) ?? null,
    retryScale: values[`${name}_RETRY_SCALE`] as number,
    ackDurability: values[`ACK_DURABILITY_${name}`] as ProviderConfig['ackDurability'],
  });
}

function toSettings(values: Values, dataDir: string, ofProvider: Settings['ofProvider']): Settings {
  const as = <T>(name: string): T => values[name] as T;
  const orNull = <T>(name: string): T | null => (values[name] as T | undefined) ?? null;
  const address = (app: string): Address => ({
    host: as<string>(`${app}_HOST`),
    port: as<number>(`${app}_PORT`),
  });
  const receiver = address('RECEIVER');
  const demo = orNull<string>('SEMEL_DEMO');
  const key = orNull<string>('SEMEL_ENCRYPTION_KEY');
  return Object.freeze<Settings>({
    databaseUrl: orNull('DATABASE_URL'),
    redisUrl: orNull('REDIS_URL'),
    encryptionKey: key === null ? null : toKey(key),
    dataDir,
    operator: orNull('SEMEL_OPERATOR'),
    demo: demo === null ? null : demo === '1' || demo === 'true',
    consolePassword: orNull('CONSOLE_PASSWORD'),
    publicBaseUrl: (orNull<string>('PUBLIC_BASE_URL') ?? baseUrl(receiver)).replace(/\/+$/, ''),
    // Copies: Fastify writes into the object that `listen` is given.
    get receiver() {
      return { ...receiver };
    },
    get worker() {
      return address('WORKER');
    },
    get console() {
      return address('CONSOLE');
    },
    logLevel: as('LOG_LEVEL'),
    logFormat: orNull('LOG_FORMAT'),
    acceptBudgetMs: as('ACCEPT_BUDGET_MS'),
    redisCommandTimeoutMs: as('REDIS_COMMAND_TIMEOUT_MS'),
    redisHighWater: as('REDIS_HIGH_WATER'),
    queueBacklogLimit: as('QUEUE_BACKLOG_LIMIT'),
    spillPollMs: as('SPILL_POLL_MS'),
    spillAgainAfterMs: as('SPILL_AGAIN_AFTER_MS'),
    sweepEveryMs: as('SWEEP_EVERY_MS'),
    sweepGraceMs: as('SWEEP_GRACE_MS'),
    endpointRefreshMs: as('ENDPOINT_REFRESH_MS'),
    deliveryFlushMs: as('DELIVERY_FLUSH_MS'),
    shutdownTimeoutMs: as('SHUTDOWN_TIMEOUT_MS'),
    watchdogLimitMs: as('WATCHDOG_LIMIT_MS'),
    receiverBodyBytes: as<number>('RECEIVER_BODY_MIB') * 1024 * 1024,
    receiverMaxConnections: as('RECEIVER_MAX_CONNECTIONS'),
    ofProvider,
    docusign:
      orNull('DOCUSIGN_INTEGRATION_KEY') === null
        ? null
        : Object.freeze<DocusignConfig>({
            integrationKey: as('DOCUSIGN_INTEGRATION_KEY'),
            userId: as('DOCUSIGN_USER_ID'),
            privateKey: as('DOCUSIGN_PRIVATE_KEY'),
            basePath: as<string>('DOCUSIGN_BASE_PATH').replace(/\/+$/, ''),
            oauthHost: as('DOCUSIGN_OAUTH_HOST'),
          }),
    handlers: Object.freeze(resolvePaths(as('SEMEL_HANDLERS'))),
    handlerTimeoutMs: as('SEMEL_HANDLER_TIMEOUT_MS'),
    outbox: Object.freeze<OutboxConfig>({
      concurrency: as('SEMEL_OUTBOX_CONCURRENCY'),
      attempts: as('SEMEL_OUTBOX_ATTEMPTS'),
      retryScale: as('SEMEL_OUTBOX_RETRY_SCALE'),
      timeoutMs: as('SEMEL_OUTBOX_TIMEOUT_MS'),
      pollMs: as('SEMEL_OUTBOX_POLL_MS'),
      allowPrivate: /^(1|true)$/.test(as('SEMEL_ALLOW_PRIVATE_DESTINATIONS')),
    }),
  });
}

/** The address to call an app by that listens there: a wildcard is answered on the loopback. */
export function baseUrl({ host, port }: Address): string {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
