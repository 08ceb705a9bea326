import { parseRedisUrl } from '@semel/core';
import { z } from 'zod';
import { resolveDataDir, resolvePaths } from './data-dir.js';
import {
  baseUrl,
  encryptionKey,
  factor,
  flag,
  guid,
  integer,
  metaOf,
  millis,
  privateKey,
  url,
  type VariableMeta,
  variable,
  whole,
} from './variable.js';

const address = (app: string, port: number) =>
  z.object({
    host: variable(`${app.toUpperCase()}_HOST`, z.string().regex(/^[^\s/]+$/), {
      description: `Where the ${app} listens; \`0.0.0.0\` for every interface.`,
      expected: 'a host name or address to listen on',
      default: '127.0.0.1',
    }),
    port: whole(
      `${app.toUpperCase()}_PORT`,
      0,
      65_535,
      port,
      `The port of the ${app}; 0 takes any free one.`,
    ),
  });

/** The polls of DocuSign for envelopes whose messages came without data. */
const docusign = z.object({
  integrationKey: variable('DOCUSIGN_INTEGRATION_KEY', guid().nullable(), {
    description:
      'Lets Semel ask DocuSign for envelopes whose messages come without data, by JWT grant. Needs the next two as well.',
    expected: 'the GUID of an integration key',
    unset: 'DocuSign is not asked',
  }),
  userId: variable('DOCUSIGN_USER_ID', guid().nullable(), {
    description: 'The DocuSign user in whose name Semel reads envelopes.',
    expected: 'the GUID of a user who has consented',
    unset: 'DocuSign is not asked',
  }),
  /** PEM. */
  privateKey: variable('DOCUSIGN_PRIVATE_KEY', privateKey().nullable(), {
    description: 'The RSA key of the integration key.',
    expected: 'an RSA private key in PEM; `\\n` may stand for the ends of its lines',
    unset: 'DocuSign is not asked',
    secret: true,
  }),
  basePath: variable('DOCUSIGN_BASE_PATH', baseUrl(), {
    description: "The API of the account's own site; `https://demo.docusign.net/restapi` for the sandbox.",
    expected: 'a URL such as `https://na3.docusign.net/restapi`',
    default: 'https://www.docusign.net/restapi',
  }),
  oauthHost: variable('DOCUSIGN_OAUTH_HOST', z.string().regex(/^[\w.-]+(:\d+)?$/), {
    description: 'Where the token comes from, always by https; `account-d.docusign.com` for the sandbox.',
    expected: 'a host such as `account.docusign.com`, without a scheme',
    default: 'account.docusign.com',
  }),
});

const outbox = z.object({
  concurrency: whole(
    'SEMEL_OUTBOX_CONCURRENCY',
    1,
    1000,
    16,
    'How many effects one worker process delivers at once.',
  ),
  attempts: whole(
    'SEMEL_OUTBOX_ATTEMPTS',
    1,
    1000,
    12,
    'How often the delivery of an effect may fail before it is `dead`.',
  ),
  retryScale: factor(
    'SEMEL_OUTBOX_RETRY_SCALE',
    1000,
    1,
    'Multiplies the waits between those attempts; tests use small ones.',
  ),
  timeoutMs: whole(
    'SEMEL_OUTBOX_TIMEOUT_MS',
    1,
    60_000,
    10_000,
    'How long one delivery may take, from the DNS lookup to the response.',
  ),
  pollMs: millis('SEMEL_OUTBOX_POLL_MS', 1_000, 'How often a worker looks for effects that are due.'),
  allowPrivate: variable('SEMEL_ALLOW_PRIVATE_DESTINATIONS', flag(), {
    description:
      'Whether destinations may be private, local or reserved addresses. For tests, and for networks where no firm chooses its own destinations.',
    expected: '`0` or `1`',
    default: '0',
  }),
});

/** Every setting except those of providers, in the order in which the documentation shows them. */
export const settingsSchema = z.object({
  databaseUrl: variable('DATABASE_URL', url(['postgres:', 'postgresql:']).nullable(), {
    description:
      'PostgreSQL 15 or newer. Its user owns the schema; the apps connect with roles of their own.',
    expected: 'a URL such as `postgres://user:password@host:5432/semel`',
    unset: 'the embedded server of `npm start`',
    secret: true,
  }),
  redisUrl: variable(
    'REDIS_URL',
    z
      .string()
      .refine((value) => parseRedisUrl(value) !== null)
      .nullable(),
    {
      description:
        'Redis 7.0 or newer, or Valkey, with `appendonly yes`, `appendfsync always` and `maxmemory-policy noeviction`; one server, behind Sentinel, or a cluster. `rediss` for TLS.',
      expected:
        'a URL such as `redis://:password@host:6379`, `redis+sentinel://:password@host1:26379,host2:26379/mymaster` or `redis+cluster://:password@host1:6379,host2:6379`',
      unset: 'the embedded server of `npm start`',
      secret: true,
    },
  ),
  /** Absolute path. */
  dataDir: variable('SEMEL_DATA_DIR', z.string().transform(resolveDataDir), {
    description:
      'Where `npm start` keeps its servers, and where `secrets.env` is read from. Relative paths start at the repository.',
    expected: 'a folder',
    default: '.semel',
  }),
  operator: variable(
    'SEMEL_OPERATOR',
    z
      .string()
      .regex(/^[^\p{Cc}]{1,200}$/u)
      .nullable(),
    {
      description:
        'Who uses the command line, as recorded in `operator_actions`. For machines and accounts that several people share.',
      expected: 'a name of at most 200 characters',
      unset: 'the user and host that run it',
    },
  ),
  /** 32 bytes. */
  encryptionKey: variable('SEMEL_ENCRYPTION_KEY', encryptionKey().nullable(), {
    description:
      'Encrypts the signing secrets in the database. The passwords of the database roles are derived from it.',
    expected: '32 bytes in base64 or hex, such as `openssl rand -base64 32` prints',
    unset: 'generated by `npm start`',
    secret: true,
  }),
  demo: variable('SEMEL_DEMO', flag().nullable(), {
    description: 'Whether `npm start` seeds the firm `demo` with one endpoint per provider.',
    expected: '`0` or `1`',
    unset: '1 with the embedded PostgreSQL, else 0',
  }),
  /** null: the console does not start. */
  consolePassword: variable('CONSOLE_PASSWORD', z.string().min(8).nullable(), {
    description: 'The password of the console user `admin`.',
    expected: 'at least 8 characters',
    unset: 'generated by `npm start`',
    secret: true,
  }),
  publicBaseUrl: variable('PUBLIC_BASE_URL', baseUrl().nullable(), {
    description:
      'The address that providers call, without the path. Square and Twilio sign it; an endpoint may override it.',
    expected: 'a URL such as `https://hooks.example.com`',
    unset: "the receiver's address (http://127.0.0.1:8080)",
  }),
  receiver: address('receiver', 8080),
  worker: address('worker', 8081),
  console: address('console', 8082),
  logLevel: variable('LOG_LEVEL', z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), {
    description: 'The lowest level that is logged.',
    expected: 'one of trace, debug, info, warn, error, fatal, silent',
    default: 'info',
  }),
  logFormat: variable('LOG_FORMAT', z.enum(['pretty', 'json']).nullable(), {
    description:
      'How standard output is written: for people, or one JSON object per line. The images always write JSON.',
    expected: '`pretty` or `json`',
    unset: 'pretty on a terminal, else json',
  }),
  /** The bytes of large bodies in one receiver. */
  receiverBodyBytes: variable(
    'RECEIVER_BODY_MIB',
    integer(51, 65_536).transform((mebibytes) => mebibytes * 1024 * 1024),
    {
      description:
        'How many MiB of large bodies one receiver holds at a time, half of them for one firm. More are answered 503. It needs some five times as much memory.',
      expected: 'a whole number from 51 to 65536',
      default: '64',
    },
  ),
  receiverMaxConnections: whole(
    'RECEIVER_MAX_CONNECTIONS',
    1,
    1_000_000,
    1_000,
    'How many connections one receiver takes at a time. More are closed at once.',
  ),
  acceptBudgetMs: millis(
    'ACCEPT_BUDGET_MS',
    2000,
    'How long the receiver may take for one delivery before it answers 503.',
  ),
  redisCommandTimeoutMs: millis(
    'REDIS_COMMAND_TIMEOUT_MS',
    800,
    'How long the receiver waits for Redis before it writes an event to `webhook_spill` instead; part of the accept budget.',
  ),
  /** A share of `maxmemory`, 0 … 1. */
  redisHighWater: factor(
    'REDIS_HIGH_WATER',
    1,
    0.7,
    "The share of Redis's `maxmemory` above which events go to `webhook_spill`. At `maxmemory` itself workers can no longer drain the queues.",
  ),
  /** Jobs that wait in one queue. */
  queueBacklogLimit: whole(
    'QUEUE_BACKLOG_LIMIT',
    1,
    1_000_000_000,
    500_000,
    'How many jobs may wait in one queue before further events of its provider go to `webhook_spill`.',
  ),
  spillPollMs: millis(
    'SPILL_POLL_MS',
    500,
    'How often a worker looks for events in `webhook_spill` that are due.',
  ),
  spillAgainAfterMs: millis(
    'SPILL_AGAIN_AFTER_MS',
    60_000,
    'How long after an event of `webhook_spill` was enqueued it is enqueued again, if it is not final by then.',
  ),
  sweepEveryMs: millis(
    'SWEEP_EVERY_MS',
    30_000,
    'How often one of the workers looks for leftovers: events without a job, jobs without a record.',
  ),
  sweepGraceMs: millis(
    'SWEEP_GRACE_MS',
    300_000,
    'How old a leftover must be before the sweeper requeues it.',
  ),
  endpointRefreshMs: millis(
    'ENDPOINT_REFRESH_MS',
    400,
    'How often the receiver looks for changed endpoints; a change is in effect within 1 s.',
  ),
  deliveryFlushMs: millis(
    'DELIVERY_FLUSH_MS',
    1000,
    'How often duplicates and rejections, summed in memory, are written to `webhook_deliveries`. The health of endpoints is written every tenth time.',
  ),
  shutdownTimeoutMs: millis(
    'SHUTDOWN_TIMEOUT_MS',
    10_000,
    'How long an app may drain after SIGTERM before it exits anyway.',
  ),
  watchdogLimitMs: whole(
    'WATCHDOG_LIMIT_MS',
    0,
    3_600_000,
    10_000,
    "How long an app's event loop may be blocked before the app ends itself, to be started again. 0 switches this off.",
  ),
  docusign,
  /** Absolute paths of the modules with the team's own handlers and deliveries. */
  handlers: variable('SEMEL_HANDLERS', z.string().transform(resolvePaths), {
    description:
      'Modules with handlers and deliveries of your own, which the worker loads. Relative paths start at the repository.',
    expected: 'paths of ES modules, separated by commas',
    default: '',
    unset: 'no module',
  }),
  handlerTimeoutMs: whole(
    'SEMEL_HANDLER_TIMEOUT_MS',
    1,
    8_000,
    5_000,
    'How long one handler may take for one event; then it is rolled back, and the attempt counts.',
  ),
  outbox,
});

/** The settings of one provider, named after it in capitals. */
export const providerSchema = (provider: string) => {
  const name = provider.toUpperCase();
  return z.object({
    concurrency: whole(
      `${name}_CONCURRENCY`,
      1,
      1000,
      64,
      `How many ${provider} events one worker process applies at once.`,
    ),
    /** null: the attempts of the provider's own retry policy. */
    attempts: variable(`${name}_ATTEMPTS`, integer(1, 1000).nullable(), {
      description: `How often a ${provider} event may fail by itself before it is \`dead\`. Outages of Semel's own stores never count.`,
      expected: 'a whole number from 1 to 1000',
      unset: "the provider's own policy",
    }),
    /** Multiplies the delays of the provider's retry policy. */
    retryScale: factor(
      `${name}_RETRY_SCALE`,
      1000,
      1,
      `Multiplies the waits between attempts of ${provider} events; tests use small ones.`,
    ),
    ackDurability: variable(`ACK_DURABILITY_${name}`, z.enum(['queue', 'postgres']), {
      description: `What a 200 to ${provider} means: the event is in Redis (in PostgreSQL while Redis is unreachable), or in PostgreSQL in any case. See docs/reliability.md.`,
      expected: '`queue` or `postgres`',
      default: 'queue',
    }),
  });
};

const listVariables = (schema: z.ZodObject): VariableMeta[] =>
  Object.values(schema.shape).flatMap((field) =>
    field instanceof z.ZodObject ? listVariables(field) : [metaOf(field as z.ZodType)],
  );

/** Every variable except those of providers. */
export const variables: readonly VariableMeta[] = listVariables(settingsSchema);

export const providerVariables = (provider: string): readonly VariableMeta[] =>
  listVariables(providerSchema(provider));
