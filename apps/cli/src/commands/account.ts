import type { Command } from 'commander';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { table } from '../output/table.js';
import { withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';

interface Mapping {
  provider: string;
  account: string;
}

export function account(program: Command): void {
  const group = program.command('account').description('the firms that accounts of providers belong to');

  group
    .command('map')
    .description(
      'map an account to a firm: routes its events on platform endpoints, and refuses them on endpoints of other firms',
    )
    .requiredOption('--provider <provider>', 'name of the provider, such as stripe')
    .requiredOption('--account <account>', "the provider's id of the account")
    .requiredOption('--firm <slug>', 'slug of the firm')
    .addHelpText('after', example('semel account map --provider stripe --account acct_123 --firm acme'))
    .action(
      toAction(async ({ provider, account, firm }: Mapping & { firm: string }) => {
        const mapped = await withAudit(
          { name: 'account map', params: { provider, account, firm }, firms: [{ slug: firm }] },
          (admin) => admin.accounts.map({ provider, account, firmSlug: firm }),
          () => ({ firm: { slug: firm } }),
        );
        return { value: mapped, text: `The ${provider} account ${account} belongs to ${firm}.` };
      }),
    );

  group
    .command('list')
    .description('list the mapped accounts')
    .option('--provider <provider>', 'only accounts of this provider')
    .option('--firm <slug>', 'only accounts of this firm')
    .addHelpText('after', example('semel account list --firm acme'))
    .action(
      toAction(async ({ provider, firm }: { provider?: string; firm?: string }) => {
        const filter = {
          ...(provider === undefined ? {} : { provider }),
          ...(firm === undefined ? {} : { firmSlug: firm }),
        };
        const accounts = await withAdmin((admin) => admin.accounts.list(filter));
        const rows = accounts.map((row) => [row.provider, row.account, row.firmSlug, row.createdAt]);
        return {
          value: accounts,
          text: table(['PROVIDER', 'ACCOUNT', 'FIRM', 'MAPPED'], rows, 'No account is mapped.'),
        };
      }),
    );

  group
    .command('unmap')
    .description('remove a mapping; events that it routed stay with their firm')
    .requiredOption('--provider <provider>', 'name of the provider, such as stripe')
    .requiredOption('--account <account>', "the provider's id of the account")
    .addHelpText('after', example('semel account unmap --provider stripe --account acct_123'))
    .action(
      toAction(async ({ provider, account }: Mapping) => {
        await withAudit(
          { name: 'account unmap', params: { provider, account } },
          (admin) => admin.accounts.unmap({ provider, account }),
          (firmSlug) => ({ firm: { slug: firmSlug } }),
        );
        return {
          value: { provider, account, unmapped: true },
          text: `The ${provider} account ${account} is no longer mapped.`,
        };
      }),
    );
}
