import type { EndpointChange } from '@semel/database/admin';
import type { Command } from 'commander';
import { usageError } from '../cli-error.js';
import { readSecrets } from '../input/read-secrets.js';
import { repeated } from '../input/repeated.js';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { firmOf, withAudit } from '../stores/audited.js';

/** `false` is what commander makes of a `--no-…`. */
interface Asked {
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
    .description('change an endpoint; what is not named stays')
    .argument('<key>', 'its key')
    .option('--provider <provider>', 'where several providers have this key')
    .option(
      '--secret <secret>',
      'instead of those that it has; repeatable, `-` reads standard input',
      repeated,
    )
    .option('--add-secret <secret>', 'beside those that it has: the first half of a rotation', repeated)
    .option('--account <account>', 'take only these accounts; repeatable', repeated)
    .option('--no-account', 'take any account again')
    .option('--mode <mode>', 'live or test')
    .option('--no-mode', 'take both modes')
    .option('--public-url <url>', 'the address that the provider calls, without the path')
    .option('--no-public-url', 'go by PUBLIC_BASE_URL again')
    .option('--enable', 'take deliveries again after `disable`')
    .addHelpText(
      'after',
      example('semel endpoint update 5hJ…Xq --add-secret -', 'semel endpoint update 5hJ…Xq --mode live'),
    )
    .action(
      answering(async (key: string, { provider, ...asked }: Asked) => {
        const change = await toChange(asked);
        if (Object.keys(change).length === 0) throw usageError('nothing to change was named', 'see --help');
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

async function toChange(asked: Omit<Asked, 'provider'>): Promise<EndpointChange> {
  const { secret, addSecret, account, mode, publicUrl, enable } = asked;
  return {
    ...(secret === undefined ? {} : { secrets: await readSecrets(secret) }),
    ...(addSecret === undefined ? {} : { addSecrets: await readSecrets(addSecret) }),
    ...(account === undefined ? {} : { accounts: account || [] }),
    ...(mode === undefined ? {} : { mode: mode || null }),
    ...(publicUrl === undefined ? {} : { publicUrl: publicUrl || null }),
    ...(enable === undefined ? {} : { disabled: false }),
  };
}
