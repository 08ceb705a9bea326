import type { Command } from 'commander';
import { usageError } from '../cli-error.js';
import { readSecrets } from '../input/read-secrets.js';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { fields, table } from '../output/table.js';
import { withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';

interface Asked {
  firm: string;
  name: string;
  url: string;
  secret?: string;
}

export function destination(program: Command): void {
  const group = program.command('destination').description('where the effects of handlers are sent');

  group
    .command('add')
    .description('add a destination, and print the secret that its deliveries are signed with')
    .requiredOption('--firm <slug>', 'the firm whose handlers may send there')
    .requiredOption('--name <name>', 'what handlers call it')
    .requiredOption('--url <url>', 'the http(s) address that takes Standard Webhooks')
    .option('--secret <secret>', '`whsec_…`; `-` reads standard input; none given: a new one')
    .addHelpText(
      'after',
      example('semel destination add --firm acme --name erp --url https://erp.example.com/hooks'),
    )
    .action(answering(addDestination));

  group
    .command('list')
    .description('list the destinations, without their secrets')
    .option('--firm <slug>', 'only of this firm')
    .addHelpText('after', example('semel destination list --firm acme'))
    .action(
      answering(async ({ firm }: { firm?: string }) => {
        const filter = firm === undefined ? {} : { firmSlug: firm };
        const rows = await withAdmin((admin) => admin.destinations.list(filter));
        const cells = rows.map((row) => [row.firmSlug, row.name, row.url, row.createdAt, row.disabledAt]);
        const titles = ['FIRM', 'NAME', 'URL', 'ADDED', 'DISABLED'];
        return { value: rows, text: table(titles, cells, 'There is no destination.') };
      }),
    );

  group
    .command('remove')
    .description('remove a destination; what waits for it is dead after its attempts')
    .requiredOption('--firm <slug>', 'the firm that has it')
    .requiredOption('--name <name>', 'what handlers call it')
    .addHelpText('after', example('semel destination remove --firm acme --name erp'))
    .action(
      answering(async ({ firm, name }: Pick<Asked, 'firm' | 'name'>) => {
        await withAudit(
          { name: 'destination remove', params: { firm, name }, firms: [{ slug: firm }] },
          (admin) => admin.destinations.remove({ firmSlug: firm, name }),
          () => ({ firm: { slug: firm } }),
        );
        return { value: { firm, name, removed: true }, text: `The destination ${name} of ${firm} is gone.` };
      }),
    );
}

async function addDestination({ firm, name, url, secret }: Asked) {
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
