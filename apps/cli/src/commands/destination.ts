import type { Command } from 'commander';
import { usageError } from '../cli-error.js';
import { readSecrets } from '../input/read-secrets.js';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { fields, table } from '../output/table.js';
import { withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';

interface Options {
  firm: string;
  name: string;
  url: string;
  secret?: string;
}

export function destination(program: Command): void {
  const group = program
    .command('destination')
    .description('the HTTP endpoints that effects of handlers are sent to');

  group
    .command('add')
    .description('add a destination, and print the secret that signs its deliveries')
    .requiredOption('--firm <slug>', 'slug of the firm whose handlers may use it')
    .requiredOption('--name <name>', 'the name that handlers use')
    .requiredOption('--url <url>', 'the http(s) address that receives Standard Webhooks')
    .option('--secret <secret>', '`whsec_…`; `-` reads standard input (default: a new one)')
    .addHelpText(
      'after',
      example('semel destination add --firm acme --name erp --url https://erp.example.com/hooks'),
    )
    .action(toAction(addDestination));

  group
    .command('list')
    .description('list the destinations, without their secrets')
    .option('--firm <slug>', 'only destinations of this firm')
    .addHelpText('after', example('semel destination list --firm acme'))
    .action(
      toAction(async ({ firm }: { firm?: string }) => {
        const filter = firm === undefined ? {} : { firmSlug: firm };
        const rows = await withAdmin((admin) => admin.destinations.list(filter));
        const cells = rows.map((row) => [row.firmSlug, row.name, row.url, row.createdAt, row.disabledAt]);
        const titles = ['FIRM', 'NAME', 'URL', 'ADDED', 'DISABLED'];
        return { value: rows, text: table(titles, cells, 'There is no destination.') };
      }),
    );

  group
    .command('remove')
    .description('remove a destination; effects that wait for it fail, and are dead after their attempts')
    .requiredOption('--firm <slug>', 'the firm that has it')
    .requiredOption('--name <name>', 'the name that handlers use')
    .addHelpText('after', example('semel destination remove --firm acme --name erp'))
    .action(
      toAction(async ({ firm, name }: Pick<Options, 'firm' | 'name'>) => {
        await withAudit(
          { name: 'destination remove', params: { firm, name }, firms: [{ slug: firm }] },
          (admin) => admin.destinations.remove({ firmSlug: firm, name }),
          () => ({ firm: { slug: firm } }),
        );
        return { value: { firm, name, removed: true }, text: `The destination ${name} of ${firm} is gone.` };
      }),
    );
}

async function addDestination({ firm, name, url, secret }: Options) {
  const secrets = secret === undefined ? [] : await readSecrets([secret]);
  if (secrets.length > 1) throw usageError('a destination has one secret', 'give one line');
  const given = secrets[0] === undefined ? {} : { secret: secrets[0] };
  const added = await withAudit(
    { name: 'destination add', params: { firm, name }, firms: [{ slug: firm }] },
    (admin) => admin.destinations.add({ firmSlug: firm, name, url, ...given }),
    () => ({ firm: { slug: firm } }),
  );
  return { value: added, text: fields({ name, url, secret: added.secret }) };
}
