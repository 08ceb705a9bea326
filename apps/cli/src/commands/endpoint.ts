import type { EndpointRow } from '@semel/database/admin';
import type { Command } from 'commander';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { table } from '../output/table.js';
import { firmOf, withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';
import { endpointAdd } from './endpoint-add.js';
import { endpointUpdate } from './endpoint-update.js';

export function endpoint(program: Command): void {
  const group = program.command('endpoint').description('where providers send their events');
  endpointAdd(group);

  group
    .command('list')
    .description('list the endpoints; their secrets are only counted')
    .option('--provider <provider>', 'only of this provider')
    .option('--firm <slug>', 'only of this firm')
    .option('--failing', 'only those whose last delivery was refused')
    .addHelpText('after', example('semel endpoint list --provider stripe', 'semel endpoint list --failing'))
    .action(
      answering(async ({ provider, firm, failing }: { provider?: string; firm?: string; failing?: true }) => {
        const filter = {
          ...(provider === undefined ? {} : { provider }),
          ...(firm === undefined ? {} : { firmSlug: firm }),
        };
        const all = await withAdmin((admin) => admin.endpoints.list(filter));
        const endpoints = failing ? all.filter(({ failingSince }) => failingSince !== null) : all;
        return { value: endpoints, text: table(titles, endpoints.map(toCells), 'There is no endpoint.') };
      }),
    );

  endpointUpdate(group);

  group
    .command('disable')
    .description('answer 404 to its deliveries until `endpoint update --enable`')
    .argument('<key>', 'its key')
    .option('--provider <provider>', 'where several providers have this key')
    .addHelpText('after', example('semel endpoint disable 5hJ…Xq'))
    .action(
      answering(async (key: string, named: { provider?: string }) => {
        const disabled = await withAudit(
          { name: 'endpoint disable', params: { key, ...named } },
          (admin) => admin.endpoints.disable({ key, ...named }),
          ({ firmSlug, provider }) => ({ firm: firmOf(firmSlug), result: { provider } }),
        );
        return { value: disabled, text: `Disabled the ${disabled.provider} endpoint ${disabled.key}.` };
      }),
    );

  group
    .command('remove')
    .description('remove it for good: its secrets are deleted, its events stay')
    .argument('<key>', 'its key')
    .option('--provider <provider>', 'where several providers have this key')
    .addHelpText('after', example('semel endpoint remove 5hJ…Xq'))
    .action(
      answering(async (key: string, named: { provider?: string }) => {
        const { firmSlug: _, ...removed } = await withAudit(
          { name: 'endpoint remove', params: { key, ...named } },
          (admin) => admin.endpoints.remove({ key, ...named }),
          ({ firmSlug, id }) => ({ firm: firmOf(firmSlug), result: { id } }),
        );
        return { value: { ...removed, removed: true }, text: `Removed the endpoint ${removed.key}.` };
      }),
    );
}

const titles = [
  'PROVIDER',
  'KEY',
  'OF',
  'MODE',
  'ACCOUNTS',
  'SECRETS',
  'STATE',
  'LAST 2XX',
  'FAILING SINCE',
  'PUBLIC URL',
];

const toCells = (row: EndpointRow) => [
  row.provider,
  row.key,
  row.firmSlug ?? '(platform)',
  row.mode ?? 'both',
  row.accounts.length === 0 ? 'any' : row.accounts,
  row.secretCount,
  row.disabledAt === null ? 'enabled' : 'disabled',
  row.acknowledgedAt,
  row.failingSince,
  row.publicUrl,
];
