import type { EndpointRow } from '@semel/database/admin';
import type { Command } from 'commander';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { table } from '../output/table.js';
import { firmOf, withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';
import { endpointAdd } from './endpoint-add.js';
import { endpointUpdate } from './endpoint-update.js';

export function endpoint(program: Command): void {
  const group = program.command('endpoint').description('the addresses that providers send events to');
  endpointAdd(group);

  group
    .command('list')
    .description('list the endpoints, with the number of their secrets')
    .option('--provider <provider>', 'only endpoints of this provider')
    .option('--firm <slug>', 'only endpoints of this firm')
    .option('--failing', 'only endpoints whose last delivery was refused')
    .addHelpText('after', example('semel endpoint list --provider stripe', 'semel endpoint list --failing'))
    .action(
      toAction(async ({ provider, firm, failing }: { provider?: string; firm?: string; failing?: true }) => {
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
    .description('disable an endpoint: its deliveries get 404 until `endpoint update --enable`')
    .argument('<key>', 'key of the endpoint')
    .option('--provider <provider>', 'needed if several providers have this key')
    .addHelpText('after', example('semel endpoint disable 5hJ…Xq'))
    .action(
      toAction(async (key: string, named: { provider?: string }) => {
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
    .description('remove an endpoint for good: its secrets are deleted, its events stay')
    .argument('<key>', 'key of the endpoint')
    .option('--provider <provider>', 'needed if several providers have this key')
    .addHelpText('after', example('semel endpoint remove 5hJ…Xq'))
    .action(
      toAction(async (key: string, named: { provider?: string }) => {
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
  'FIRM',
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
