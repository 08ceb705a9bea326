import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The ledger table that is copied: columns, row-level security, rights, indexes and its branch of the view. */
const model = {
  name: 'standard',
  migrations: [
    '20261124040000_standard_webhooks',
    '20261124060001_standard_sweep',
    '20261127030001_standard_body',
    '20261127050001_standard_endpoint',
  ],
};

/** The migration and the Prisma model of a provider's ledger table, and tenancy.prisma with its relation. */
export function ledgerFiles(root: string, name: string, now: Date): Record<string, string> {
  const read = (...path: string[]) => readFileSync(join(root, 'prisma', ...path), 'utf8');
  const renamed = (text: string) =>
    text.replaceAll(model.name, name).replaceAll(capital(model.name), capital(name));
  return {
    [`prisma/migrations/${stampAfter(root, now)}_${name}/migration.sql`]: renamed(
      model.migrations.map((folder) => read('migrations', folder, 'migration.sql')).join('\n'),
    ),
    [`prisma/schema/${name}.prisma`]: renamed(read('schema', `${model.name}.prisma`)),
    'prisma/schema/tenancy.prisma': read('schema', 'tenancy.prisma').replaceAll(
      new RegExp(`^ +${model.name}WebhookEvents +${capital(model.name)}WebhookEvent\\[\\]\\n`, 'gm'),
      (line) => line + aligned(line, `${name}WebhookEvents`, `${capital(name)}WebhookEvent[]`),
    ),
  };
}

/** Aligned like the line above. Prisma's formatter agrees unless the name is the longest. */
function aligned(like: string, field: string, type: string): string {
  const column = /^ +\w+ +/.exec(like)?.[0].length ?? 0;
  return `${`  ${field} `.padEnd(column)}${type}\n`;
}

/** A timestamp after the last migration, even if this machine's clock is behind. */
function stampAfter(root: string, now: Date): string {
  const own = now.toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const last = readdirSync(join(root, 'prisma/migrations'))
    .flatMap((folder) => /^(\d{14})_/.exec(folder)?.[1] ?? [])
    .sort()
    .at(-1);
  return last === undefined || own > last ? own : String(BigInt(last) + 1n);
}

const capital = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);
