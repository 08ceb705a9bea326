import type { Command } from 'commander';
import { usageError } from '../cli-error.js';
import { readSecrets } from '../input/read-secrets.js';
import { knownProvider } from '../known-provider.js';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { fields } from '../output/table.js';
import { pathsOf } from '../paths.js';
import { firmOf, withAudit } from '../stores/audited.js';

interface Asked {
  provider: string;
  firm?: string;
  platform?: true;
  secret: string[];
  account?: string[];
  mode?: string;
  publicUrl?: string;
  key?: string;
}

export function endpointAdd(group: Command): void {
  group
    .command('add')
    .description('add an endpoint, and print the paths that the provider shall call')
    .requiredOption('--provider <provider>', 'such as stripe')
    .option('--firm <slug>', 'the firm whose events come in here')
    .option('--platform', 'instead of --firm: events of many firms, routed by their account')
    .requiredOption('--secret <secret...>', 'signing secret; `-` reads standard input, one a line')
    .option('--account <account...>', "take only these accounts; none given: any that is not another firm's")
    .option('--mode <mode>', 'live or test; none given: both')
    .option(
      '--public-url <url>',
      'the address that the provider calls, without the path, where it is not PUBLIC_BASE_URL',
    )
    .option('--key <key>', 'the last part of the path; none given: a random one')
    .addHelpText(
      'after',
      example(
        'semel endpoint add --provider stripe --firm acme --secret whsec_…',
        'semel endpoint add --provider twilio --platform --secret - < secrets.txt',
      ),
    )
    .action(answering(addEndpoint));
}

async function addEndpoint({ provider: name, firm, platform, secret, account, mode, publicUrl, key }: Asked) {
  if ((firm === undefined) === (platform === undefined))
    throw usageError('an endpoint is of one firm or of the platform', 'give --firm <slug> or --platform');
  const provider = await knownProvider(name);
  const secrets = await readSecrets(secret);
  const added = await withAudit(
    { name: 'endpoint add', params: { provider: name, firm: firm ?? null }, firms: [firmOf(firm)] },
    (admin) =>
      admin.endpoints.add({
        provider: name,
        firmSlug: firm ?? null,
        secrets,
        ...(account === undefined ? {} : { accounts: account }),
        ...(mode === undefined ? {} : { mode }),
        ...(publicUrl === undefined ? {} : { publicUrl }),
        ...(key === undefined ? {} : { key }),
      }),
    ({ key: own }) => ({ firm: firmOf(firm), result: { key: own } }),
  );
  const paths = pathsOf(provider, added.key);
  const shown = Object.fromEntries(paths.map((path, i) => [i === 0 ? 'path' : `path ${i + 1}`, path]));
  return {
    value: { key: added.key, path: paths[0], paths },
    text: fields({ key: added.key, ...shown }),
  };
}
