import type { Command } from 'commander';
import { usageError } from '../cli-error.js';
import { readSecrets } from '../input/read-secrets.js';
import { knownProvider } from '../known-provider.js';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { fields } from '../output/table.js';
import { pathsOf } from '../paths.js';
import { firmOf, withAudit } from '../stores/audited.js';

interface Options {
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
    .description('add an endpoint, and print the paths for the provider to call')
    .requiredOption('--provider <provider>', 'name of the provider, such as stripe')
    .option('--firm <slug>', 'slug of the firm that owns its events')
    .option('--platform', 'instead of --firm: events of many firms, routed by account')
    .requiredOption('--secret <secret...>', 'signing secret; `-` reads standard input, one per line')
    .option(
      '--account <account...>',
      'take only these accounts (default: any that is not mapped to another firm)',
    )
    .option('--mode <mode>', 'live or test (default: both)')
    .option(
      '--public-url <url>',
      'the address that the provider calls, without the path (default: PUBLIC_BASE_URL)',
    )
    .option('--key <key>', 'key in the path (default: a random one)')
    .addHelpText(
      'after',
      example(
        'semel endpoint add --provider stripe --firm acme --secret whsec_…',
        'semel endpoint add --provider twilio --platform --secret - < secrets.txt',
      ),
    )
    .action(toAction(addEndpoint));
}

async function addEndpoint({
  provider: name,
  firm,
  platform,
  secret,
  account,
  mode,
  publicUrl,
  key,
}: Options) {
  if ((firm === undefined) === (platform === undefined))
    throw usageError(
      'an endpoint belongs to one firm or to the platform',
      'give --firm <slug> or --platform',
    );
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
