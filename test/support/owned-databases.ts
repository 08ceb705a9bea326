import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { Test } from 'tap';
import { startPostgres, uniqueName } from './servers.js';

export type Tap = Pick<Test, 'teardown'>;

/**
 * Empty databases as on a managed PostgreSQL: their owner may create roles, and is not a superuser. Also folders of
 * migrations to apply to them.
 */
export async function openOwnedServer(t: Tap) {
  const server = await startPostgres({ fsync: false });
  t.teardown(() => server.stop());
  await query(server.url, `CREATE ROLE owner LOGIN CREATEROLE CREATEDB NOSUPERUSER PASSWORD 'owner'`);
  const emptyDatabase = async (): Promise<string> => {
    const name = uniqueName('migrate');
    await query(server.url, `CREATE DATABASE ${name} OWNER owner`);
    const url = new URL(server.url);
    Object.assign(url, { username: 'owner', password: 'owner', pathname: `/${name}` });
    return url.href;
  };
  return { server, emptyDatabase, folderOf, query, write };
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** A migrations folder with these scripts, until the end of the test. */
function folderOf(t: Tap, scripts: Record<string, string>): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'semel-migrate-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, sql] of Object.entries(scripts)) write(dir, name, sql);
  return dir;
}

function write(dir: string, name: string, sql: string): void {
  mkdirSync(path.join(dir, name), { recursive: true });
  writeFileSync(path.join(dir, name, 'migration.sql'), sql);
}
