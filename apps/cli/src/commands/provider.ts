import type { Command } from 'commander';
import { usageError } from '../cli-error.js';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { table } from '../output/table.js';

export function provider(program: Command): void {
  const group = program.command('provider').description('the services whose webhooks Semel takes');

  group
    .command('list')
    .description('list the providers of the registry')
    .addHelpText('after', example('semel provider list'))
    .action(
      answering(async () => {
        const { providers } = await import('@semel/providers');
        const value = providers.map(({ name, title, ledger }) => ({ name, title, table: ledger.table }));
        const rows = value.map((row) => [row.name, row.title, row.table]);
        return { value, text: table(['NAME', 'TITLE', 'TABLE'], rows, 'There is no provider.') };
      }),
    );

  group
    .command('new')
    .description('write the folder, table, test and registry line of one more provider, in a clone of Semel')
    .argument('<name>', 'lower-case letters alone: queue, route, table and metrics are named by it')
    .option('--title <title>', 'as people write it; none given: the name with a capital')
    .addHelpText('after', example('semel provider new acme --title "Acme Pay"'))
    .action(
      answering(async (name: string, asked: { title?: string }) => {
        const title = asked.title ?? name.charAt(0).toUpperCase() + name.slice(1);
        if (!/^[a-z]{2,30}$/.test(name))
          throw usageError(`"${name}" can't name a provider`, 'take 2 to 30 lower-case letters');
        if (!/^[\w .&-]{1,60}$/.test(title))
          throw usageError('--title has a character that it may not have', 'take letters, digits and spaces');
        const { findRoot } = await import('@semel/config');
        const { newProvider } = await import('../scaffold/new-provider.js');
        const files = newProvider({ root: findRoot(), name, title, now: new Date() });
        const next = [
          'Next: fill in what says TODO, then',
          `  npm test -- test/unit/providers      # fails until signature and identity are there`,
          '  npm run drift                        # schema and migration agree (npx prisma format, if not)',
          '  node scripts/generate-docs.mjs       # its settings and its types go into the docs',
          'docs/providers/adding.md says what each file is for.',
        ];
        return { value: { name, title, files }, text: [...files, '', ...next].join('\n') };
      }),
    );
}
