import type { Command } from 'commander';
import { usageError } from '../cli-error.js';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { table } from '../output/table.js';

export function provider(program: Command): void {
  const group = program.command('provider').description('the services that send webhooks');

  group
    .command('list')
    .description('list the known providers')
    .addHelpText('after', example('semel provider list'))
    .action(
      toAction(async () => {
        const { providers } = await import('@semel/providers');
        const value = providers.map(({ name, title, ledger }) => ({ name, title, table: ledger.table }));
        const rows = value.map((row) => [row.name, row.title, row.table]);
        return { value, text: table(['NAME', 'TITLE', 'TABLE'], rows, 'There is no provider.') };
      }),
    );

  group
    .command('new')
    .description('write the files of a new provider, in a clone of Semel: folder, table, test, registry line')
    .argument('<name>', 'lower-case letters; names the queue, route, table and metrics')
    .option('--title <title>', 'name for people (default: the name with a capital)')
    .addHelpText('after', example('semel provider new acme --title "Acme Pay"'))
    .action(
      toAction(async (name: string, options: { title?: string }) => {
        const title = options.title ?? name.charAt(0).toUpperCase() + name.slice(1);
        if (!/^[a-z]{2,30}$/.test(name))
          throw usageError(`"${name}" can't name a provider`, 'use 2 to 30 lower-case letters');
        if (!/^[\w .&-]{1,60}$/.test(title))
          throw usageError('--title has a character that is not allowed', 'use letters, digits and spaces');
        const { findRoot } = await import('@semel/config');
        const { newProvider } = await import('../scaffold/new-provider.js');
        const files = newProvider({ root: findRoot(), name, title, now: new Date() });
        const next = [
          'Next: replace each TODO, then',
          '  npm test -- test/unit/providers      # fails until signature and identity are written',
          '  npm run drift                        # compares schema and migration (npx prisma format, if they differ)',
          '  node scripts/generate-docs.mjs       # adds its settings and types to the docs',
          'docs/providers/adding.md describes each file.',
        ];
        return { value: { name, title, files }, text: [...files, '', ...next].join('\n') };
      }),
    );
}
