import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { applyFolder } from './apply-folder.js';
import { uniqueName } from './servers.js';

export const migrationsDir = path.join(fileURLToPath(new URL('../..', import.meta.url)), 'prisma/migrations');

/**
 * A database as an earlier release left it: all migrations before one are applied. Its owner may create roles, and is no
 * superuser. `root` is a superuser's connection to it.
 */
export async function openEarlierDatabase(
  t: { teardown(end: () => Promise<void> | void): void },
  server: { url: string },
  before: string,
) {
  const name = uniqueName('earlier');
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query(`CREATE ROLE owner LOGIN CREATEROLE CREATEDB NOSUPERUSER PASSWORD 'owner'`);
  await admin.query(`CREATE DATABASE ${name} OWNER owner`);
  await admin.end();
  const asOwner = new URL(server.url);
  Object.assign(asOwner, { username: 'owner', password: 'owner', pathname: `/${name}` });
  const asRoot = new URL(server.url);
  asRoot.pathname = `/${name}`;

  const dir = mkdtempSync(path.join(tmpdir(), 'semel-earlier-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const entry of readdirSync(migrationsDir))
    if (/^\d/.test(entry) && entry < before)
      cpSync(path.join(migrationsDir, entry), path.join(dir, entry), { recursive: true });
  await applyFolder(asOwner.href, dir);

  const root = new pg.Client({ connectionString: asRoot.href });
  await root.connect();
  t.teardown(() => root.end());
  return { asOwner, asRoot, root };
}
