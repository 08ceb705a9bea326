import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startPostgres, type TestServer } from './servers.js';

/** The key of all tests, 32 bytes. */
export const testEncryptionKey = Buffer.alloc(32, 'semel');

/** The passwords of the apps' roles. All tests use the same, because a role has one password in its cluster. */
export const testPasswords = {
  receiver: 'password-of-the-receiver',
  worker: 'password-of-the-worker',
  console: 'password-of-the-console',
} as const;

/** The same as environment variables. */
export const testPasswordEnv = {
  RECEIVER_DATABASE_PASSWORD: testPasswords.receiver,
  WORKER_DATABASE_PASSWORD: testPasswords.worker,
  CONSOLE_DATABASE_PASSWORD: testPasswords.console,
} as const;

/** Variables in which `npm test` passes its shared cluster and template to the test files. */
export const testDatabaseEnv = {
  cluster: 'SEMEL_TEST_CLUSTER_URL',
  template: 'SEMEL_TEST_TEMPLATE',
} as const;

export interface TestDatabase {
  /** A superuser's URL; apps take host and database from it and connect with their own roles. */
  url: string;
  name: string;
  /** Ends its sessions and drops it. */
  drop(): Promise<void>;
}

interface Cluster {
  url: string;
  template: string;
}

let cluster: Promise<Cluster> | undefined;

/**
 * A test's own migrated database, cloned from the template. Given `t`, it is dropped at the end of the test. Without
 * a cluster of the whole run, the file starts its own, which ends with its process.
 */
export async function createTestDatabase(t?: {
  teardown(end: () => Promise<void>): void;
}): Promise<TestDatabase> {
  cluster ??= findCluster();
  const { url, template } = await cluster;
  const name = `test_${randomBytes(8).toString('hex')}`;
  await createDatabase(url, name, template);
  const drop = () => query(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  t?.teardown(drop);
  return { name, url: withDatabase(url, name), drop };
}

async function findCluster(): Promise<Cluster> {
  const url = process.env[testDatabaseEnv.cluster];
  const template = process.env[testDatabaseEnv.template];
  if (url && template) return { url, template };
  const server = await startPostgres({ fsync: false });
  return { url: server.url, template: await makeTemplate(server) };
}

const owner = 'semel_owner';

/**
 * Migrates the template database; returns its name. Its owner is not a superuser, since a superuser's objects bypass
 * row-level security: broken functions and foreign keys would seem to work.
 */
export async function makeTemplate(server: Pick<TestServer, 'url'>): Promise<string> {
  const template = 'semel_template';
  await query(server.url, `CREATE ROLE ${owner} LOGIN CREATEROLE PASSWORD '${owner}'`);
  await query(server.url, `CREATE DATABASE ${template} OWNER ${owner}`);
  const { migrate } = await import('@semel/database/migrate');
  const databaseUrl = new URL(withDatabase(server.url, template));
  databaseUrl.username = owner;
  databaseUrl.password = owner;
  await migrate({ databaseUrl: databaseUrl.href, passwords: testPasswords });
  return template;
}

async function createDatabase(url: string, name: string, template: string): Promise<void> {
  for (const deadline = Date.now() + 10_000; ; await sleep(50)) {
    try {
      return await query(url, `CREATE DATABASE ${name} TEMPLATE ${template} OWNER ${owner}`);
    } catch (error) {
      // 55006: a session is still on the template, such as that of another clone
      if ((error as { code?: string }).code !== '55006' || Date.now() > deadline) throw error;
    }
  }
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
