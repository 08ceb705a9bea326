import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const needed = ['initdb', 'postgres', 'pg_dump', 'pg_dumpall', 'pg_restore', 'psql'];

/**
 * The folder of a complete PostgreSQL on this machine, server and programs of one version: the embedded one has no
 * `pg_dump`, and an older `pg_dump` refuses a newer server. `SEMEL_TEST_POSTGRES_BIN`, else the newest installed.
 * Null: none.
 */
export function findPostgresPrograms(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    process.env.SEMEL_TEST_POSTGRES_BIN ?? '',
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  const found = folders
    .filter((folder) => folder !== '' && needed.every((name) => existsSync(join(folder, name))))
    .find((folder) => majorOf(join(folder, 'postgres')) >= 15);
  return found ?? null;
}

const majorOf = (postgres: string): number =>
  Number(/(\d+)/.exec(execFileSync(postgres, ['--version'], { encoding: 'utf8' }))?.[1] ?? 0);
