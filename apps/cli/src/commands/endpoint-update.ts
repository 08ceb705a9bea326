import type { EndpointChange } from '@semel/database/admin';
import type { Command } from 'commander';
import { usageError } from '../cli-error.js';
import { readSecrets } from '../input/read-secrets.js';
import { repeated } from '../input/repeated.js';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { firmOf, withAudit } from '../stores/audited.js';

/** commander passes `false` for a `--no-…` option. */
interface Options {
  provider?: string;
  secret?: string[];
  addSecret?: string[];
  account?: string[] | false;
  mode?: string | false;
  publicUrl?: string | false;
  enable?: true;
}

export function endpointUpdate(group: Command): void {
  group
    .command('update')
    .description('change an endpoint; settings that are not named stay as they are')
    .argument('<key>', 'key of the endpoint')
    .option('--provider <provider>', 'needed if several providers have this key')
    .option('--secret <secret>', 'replace its secrets; repeatable, `-` reads standard input', repeated)
    .option('--add-secret <secret>', 'add a secret, the first half of a rotation; repeatable', repeated)
    .option('--account <account>', 'take only these accounts; repeatable', repeated)
    .option('--no-account', 'take any account again')
    .option('--mode <mode>', 'live or test')
    .option('--no-mode', 'take both modes')
    .option('--public-url <url>', 'the address that the provider calls, without the path')
    .option('--no-public-url', 'use PUBLIC_BASE_URL again')
    .option('--enable', 'take deliveries again after `disable`')
    .addHelpText(
      'after',
      example('semel endpoint update 5hJ…Xq --add-secret -', 'semel endpoint update 5hJ…Xq --mode live'),
    )
    .action(
      toAction(async (key: string, { provider, ...options }: Options) => {
        const change = await toChange(options);
        if (Object.keys(change).length === 0) throw usageError('no change was given', 'see --help');
        const ref = { key, ...(provider === undefined ? {} : { provider }) };
        const updated = await withAudit(
          { name: 'endpoint update', params: { ...ref, changed: Object.keys(change) } },
          (admin) => admin.endpoints.update(ref, change),
          ({ firmSlug, provider: name }) => ({ firm: firmOf(firmSlug), result: { provider: name } }),
        );
        return { value: updated, text: `Changed the ${updated.provider} endpoint ${updated.key}.` };
      }),
    );
}

async function toChange(options: Omit<Options, 'provider'>): Promise<EndpointChange> {
  const { secret, addSecret, account, mode, publicUrl, enable } = options;
  return {
    ...(secret === undefined ? {} : { secrets: await readSecrets(secret) }),
    ...(addSecret === undefined ? {} : { addSecrets: await readSecrets(addSecret) }),
    ...(account === undefined ? {} : { accounts: account || [] }),
    ...(mode === undefined ? {} : { mode: mode || null }),
    ...(publicUrl === undefined ? {} : { publicUrl: publicUrl || null }),
    ...(enable === undefined ? {} : { disabled: false }),
  };
}
