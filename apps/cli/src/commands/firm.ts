import type { Command } from 'commander';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { table } from '../output/table.js';
import { withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';

export function firm(program: Command): void {
  const group = program.command('firm').description('the firms, which are isolated tenants');

  group
    .command('add')
    .description('add a firm')
    .requiredOption('--slug <slug>', 'short name of lower-case letters, digits and single hyphens')
    .requiredOption('--name <name>', 'name for people')
    .addHelpText('after', example('semel firm add --slug acme --name "Acme LLP"'))
    .action(
      toAction(async (options: { slug: string; name: string }) => {
        const added = await withAudit(
          { name: 'firm add', params: { slug: options.slug } },
          (admin) => admin.firms.add(options),
          ({ id }) => ({ firm: { id } }),
        );
        return { value: added, text: `Added the firm ${added.slug}.` };
      }),
    );

  group
    .command('list')
    .description('list the firms')
    .addHelpText('after', example('semel firm list'))
    .action(
      toAction(async () => {
        const firms = await withAdmin((admin) => admin.firms.list());
        const rows = firms.map(({ slug, name, createdAt }) => [slug, name, createdAt]);
        return { value: firms, text: table(['SLUG', 'NAME', 'ADDED'], rows, 'There is no firm yet.') };
      }),
    );
}
