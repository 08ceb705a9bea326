import { parseRedisUrl } from '@semel/core';
import { z } from 'zod';

/** One environment variable: what `.env.example`, the table in docs/configuration.md and the checks are made from. */
export interface Variable {
  name: string;
  doc: string;
  /** Shown in the table where the variable has no fixed default. */
  fallback: string;
  /** Completes "expected …" in an error. */
  expected: string;
  schema: z.ZodType;
  secret: boolean;
}

const variable = (
  name: string,
  schema: z.ZodType,
  expected: string,
  fallback: string | number,
  doc: string,
  secret = false,
): Variable => ({ name, schema, expected, fallback: String(fallback), doc, secret });

const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max);

const whole = (name: string, min: number, max: number, fallback: number, doc: string) =>
  variable(name, integer(min, max).default(fallback), `a whole number from ${min} to ${max}`, fallback, doc);

const millis = (name: string, fallback: number, doc: string) => whole(name, 1, 3_600_000, fallback, doc);

const factor = (name: string, max: number, fallback: number, doc: string) =>
  variable(
    name,
    z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number)
      .refine((value) => value > 0 && value <= max)
      .default(fallback),
    `a number above 0, at most ${max}`,
    fallback,
    doc,
  );

const url = (protocols: readonly string[]) =>
  z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol));

const address = (app: string, port: number) => [
  variable(
    `${app}_HOST`,
    z
      .string()
      .regex(/^[^\s/]+$/)
      .default('127.0.0.1'),
    'a host name or address to listen on',
    '127.0.0.1',
    `Where the ${app.toLowerCase()} listens; \`0.0.0.0\` for every interface.`,
  ),
  whole(`${app}_PORT`, 0, 65_535, port, `The port of the ${app.toLowerCase()}; 0 takes any free one.`),
];

/** 32 bytes in base64 (44 characters) or hex (64 characters); null where it is neither. */
export function toKey(text: string): Buffer | null {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  const bytes = /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : null;
  return bytes?.length === 32 ? bytes : null;
}

/** A key in one line, as environment files hold it, has `\\n` where the lines end. */
const privateKey = z
  .string()
  .transform((text) => text.replaceAll('\\n', '\n').trim())
  .refine((text) =>
    /^-----BEGIN [A-Z ]*PRIVATE KEY-----\n[\s\S]+\n-----END [A-Z ]*PRIVATE KEY-----$/.test(text),
  );

const guid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i);

/** With which DocuSign is asked for envelopes whose messages came without data: all three, or none. */
export const docusignSecrets = [
  'DOCUSIGN_INTEGRATION_KEY',
  'DOCUSIGN_USER_ID',
  'DOCUSIGN_PRIVATE_KEY',
] as const;

const docusign: Variable[] = [
  variable(
    'DOCUSIGN_INTEGRATION_KEY',
    guid.optional(),
    'the GUID of an integration key',
    'DocuSign is not asked',
    'With it Semel asks DocuSign for envelopes whose messages come without data, by JWT grant. Needs the next two as well.',
  ),
  variable(
    'DOCUSIGN_USER_ID',
    guid.optional(),
    'the GUID of a user who has consented',
    'DocuSign is not asked',
    'The DocuSign user in whose name Semel reads envelopes.',
  ),
  variable(
    'DOCUSIGN_PRIVATE_KEY',
    privateKey.optional(),
    'an RSA private key in PEM; `\\n` may stand for the ends of its lines',
    'DocuSign is not asked',
    'The RSA key of the integration key.',
    true,
  ),
  variable(
    'DOCUSIGN_BASE_PATH',
    url(['http:', 'https:']).default('https://www.docusign.net/restapi'),
    'a URL such as `https://na3.docusign.net/restapi`',
    'https://www.docusign.net/restapi',
    "The API of the account's own site; `https://demo.docusign.net/restapi` for the sandbox.",
  ),
  variable(
    'DOCUSIGN_OAUTH_HOST',
    z
      .string()
      .regex(/^[\w.-]+(:\d+)?$/)
      .default('account.docusign.com'),
    'a host such as `account.docusign.com`, without a scheme',
    'account.docusign.com',
    'Where the token comes from, always by https; `account-d.docusign.com` for the sandbox.',
  ),
];

/** What can be set for each provider, under its name in capitals. */
export const providerVariables = (provider: string): readonly Variable[] => {
  const name = provider.toUpperCase();
  return [
    whole(
      `${name}_CONCURRENCY`,
      1,
      1000,
      64,
      `How many ${provider} events one worker process applies at once.`,
    ),
    variable(
      `${name}_ATTEMPTS`,
      integer(1, 1000).optional(),
      'a whole number from 1 to 1000',
      "the provider's own policy",
      `How often a ${provider} event may fail by itself before it is \`dead\`. Faults of Semel's own stores never count.`,
    ),
    factor(
      `${name}_RETRY_SCALE`,
      1000,
      1,
      `Multiplies the waits between attempts of ${provider} events; tests use small ones.`,
    ),
    variable(
      `ACK_DURABILITY_${name}`,
      z.enum(['queue', 'postgres']).default('queue'),
      '`queue` or `postgres`',
      'queue',
      `What a 200 to ${provider} means: the event is in Redis (in PostgreSQL while Redis is away), or in PostgreSQL in any case. See docs/reliability.md.`,
    ),
  ];
};

/** Every variable that Semel reads, in the order in which the documentation shows them. */
export const variables: readonly Variable[] = [
  variable(
    'DATABASE_URL',
    url(['postgres:', 'postgresql:']).optional(),
    'a URL such as `postgres://user:password@host:5432/semel`',
    'the embedded server of `npm start`',
    'PostgreSQL 15 or newer. Its user owns the schema; the apps connect with roles of their own.',
    true,
  ),
  variable(
    'REDIS_URL',
    z
      .string()
      .refine((value) => parseRedisUrl(value) !== null)
      .optional(),
    'a URL such as `redis://:password@host:6379`, `redis+sentinel://:password@host1:26379,host2:26379/mymaster` or `redis+cluster://:password@host1:6379,host2:6379`',
    'the embedded server of `npm start`',
    'Redis 7.0 or newer, or Valkey, with `appendonly yes`, `appendfsync always` and `maxmemory-policy noeviction`; one server, behind Sentinel, or a cluster. `rediss` for TLS.',
    true,
  ),
  variable(
    'SEMEL_DATA_DIR',
    z.string().default('.semel'),
    'a folder',
    '.semel',
    'Where `npm start` keeps its servers, and where `secrets.env` is read from. Relative paths start at the repository.',
  ),
  variable(
    'SEMEL_OPERATOR',
    z
      .string()
      .regex(/^[^\p{Cc}]{1,200}$/u)
      .optional(),
    'a name of at most 200 characters',
    'the user and host that run it',
    'Who uses the command line, as `operator_actions` remembers it: for machines and accounts that several people share.',
  ),
  variable(
    'SEMEL_ENCRYPTION_KEY',
    z
      .string()
      .refine((text) => toKey(text) !== null)
      .optional(),
    '32 bytes in base64 or hex, such as `openssl rand -base64 32` prints',
    'generated by `npm start`',
    'Encrypts the signing secrets in the database, and the passwords of the database roles are derived from it.',
    true,
  ),
  variable(
    'SEMEL_DEMO',
    z.enum(['0', '1', 'true', 'false']).optional(),
    '`0` or `1`',
    '1 with the embedded PostgreSQL, else 0',
    'Whether `npm start` seeds the firm `demo` with one endpoint per provider.',
  ),
  variable(
    'CONSOLE_PASSWORD',
    z.string().min(8).optional(),
    'at least 8 characters',
    'generated by `npm start`',
    'The password of the console user `admin`.',
    true,
  ),
  variable(
    'PUBLIC_BASE_URL',
    url(['http:', 'https:']).optional(),
    'a URL such as `https://hooks.example.com`',
    "the receiver's address (http://127.0.0.1:8080)",
    'The address that providers call, without the path. Square and Twilio sign it; an endpoint may override it.',
  ),
  ...address('RECEIVER', 8080),
  ...address('WORKER', 8081),
  ...address('CONSOLE', 8082),
  variable(
    'LOG_LEVEL',
    z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    'one of trace, debug, info, warn, error, fatal, silent',
    'info',
    'The least level that is logged.',
  ),
  variable(
    'LOG_FORMAT',
    z.enum(['pretty', 'json']).optional(),
    '`pretty` or `json`',
    'pretty on a terminal, else json',
    'How standard output is written: for people, or one JSON object per line. The images always write JSON.',
  ),
  whole(
    'RECEIVER_BODY_MIB',
    51,
    65_536,
    64,
    'How many MiB of large bodies one receiver holds at a time, half of them for one firm. More are answered 503. It needs some five times as much memory.',
  ),
  whole(
    'RECEIVER_MAX_CONNECTIONS',
    1,
    1_000_000,
    1_000,
    'How many connections one receiver takes at a time. More are closed at once.',
  ),
  millis('ACCEPT_BUDGET_MS', 2000, 'How long the receiver may take for one delivery before it answers 503.'),
  millis(
    'REDIS_COMMAND_TIMEOUT_MS',
    800,
    'How long the receiver waits for Redis before it takes an event into `webhook_spill` instead; part of the accept budget.',
  ),
  factor(
    'REDIS_HIGH_WATER',
    1,
    0.7,
    "The share of Redis's `maxmemory` above which events go to `webhook_spill`: at `maxmemory` itself workers can't drain any more.",
  ),
  whole(
    'QUEUE_BACKLOG_LIMIT',
    1,
    1_000_000_000,
    500_000,
    'How many jobs may wait in one queue before further events of its provider go to `webhook_spill`.',
  ),
  millis('SPILL_POLL_MS', 500, 'How often a worker looks for events in `webhook_spill` that are due.'),
  millis(
    'SPILL_AGAIN_AFTER_MS',
    60_000,
    'When an event in `webhook_spill` that the queue was given, and that is not final, is given to it again.',
  ),
  millis(
    'SWEEP_EVERY_MS',
    30_000,
    'How often one of the workers looks for what was left behind: events without a job, jobs without a record.',
  ),
  millis('SWEEP_GRACE_MS', 300_000, 'How old that must be before the sweeper sets it going again.'),
  millis(
    'ENDPOINT_REFRESH_MS',
    400,
    'How often the receiver looks for changed endpoints; a change is in effect within 1 s.',
  ),
  millis(
    'DELIVERY_FLUSH_MS',
    1000,
    'How often duplicates and rejections, summed in memory, are written to `webhook_deliveries`; every tenth time, how endpoints fare.',
  ),
  millis(
    'SHUTDOWN_TIMEOUT_MS',
    10_000,
    'How long an app may drain after SIGTERM before it exits all the same.',
  ),
  whole(
    'WATCHDOG_LIMIT_MS',
    0,
    3_600_000,
    10_000,
    "How long an app's event loop may stand still before the app ends itself, to be started again. 0 switches this off.",
  ),
  ...docusign,
  variable(
    'SEMEL_HANDLERS',
    z.string().default(''),
    'paths of ES modules, separated by commas',
    'no module',
    'Modules with handlers and deliveries of your own, which the worker loads. Relative paths start at the repository.',
  ),
  whole(
    'SEMEL_HANDLER_TIMEOUT_MS',
    1,
    8_000,
    5_000,
    'How long one handler may take for one event; then it is rolled back, and the attempt counts.',
  ),
  whole('SEMEL_OUTBOX_CONCURRENCY', 1, 1000, 16, 'How many effects one worker process delivers at once.'),
  whole(
    'SEMEL_OUTBOX_ATTEMPTS',
    1,
    1000,
    12,
    'How often the delivery of an effect may fail before it is `dead`.',
  ),
  factor(
    'SEMEL_OUTBOX_RETRY_SCALE',
    1000,
    1,
    'Multiplies the waits between those attempts; tests use small ones.',
  ),
  whole(
    'SEMEL_OUTBOX_TIMEOUT_MS',
    1,
    60_000,
    10_000,
    'How long one delivery may take, from the look-up of its name to the answer.',
  ),
  millis('SEMEL_OUTBOX_POLL_MS', 1_000, 'How often a worker looks for effects that are due.'),
  variable(
    'SEMEL_ALLOW_PRIVATE_DESTINATIONS',
    z.enum(['0', '1', 'true', 'false']).default('0'),
    '`0` or `1`',
    '0',
    'Whether destinations may be private, local or reserved addresses. For tests, and networks in which no firm chooses one.',
  ),
];
