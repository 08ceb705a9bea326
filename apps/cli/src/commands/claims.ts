import type { Command } from 'commander';
import { confirm } from '../input/confirm.js';
import { knownProvider } from '../known-provider.js';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { fields } from '../output/table.js';
import { withAudit } from '../stores/audited.js';
import { withRedis } from '../stores/with-redis.js';

interface Options {
  provider?: string;
  yes?: true;
}

export function claims(program: Command): void {
  const group = program
    .command('claims')
    .description('the claims: keys in Redis of the events that were received');

  group
    .command('reset')
    .description(
      'delete all claims, after PostgreSQL was restored to an earlier time; the ledger still finds duplicates',
    )
    .option('--provider <provider>', 'only claims of this provider')
    .option('--yes', 'do not ask for confirmation')
    .addHelpText('after', example('semel claims reset --provider stripe --yes'))
    .action(
      toAction(async ({ provider, yes }: Options, command: Command) => {
        const { providers } = await import('@semel/providers');
        const chosen = provider === undefined ? providers : [await knownProvider(provider)];
        const names = chosen.map(({ name }) => name);
        await confirm(`Delete every claim of ${names.join(', ')}?`, {
          yes: yes === true,
          json: command.optsWithGlobals().json === true,
        });
        const { total, counts } = await withAudit(
          { name: 'claims reset', params: { providers: names } },
          () => resetAll(names),
          (result) => ({ firm: null, result }),
        );
        return { value: { total, claims: counts }, text: fields({ ...counts, total }) };
      }),
    );
}

const resetAll = (names: readonly string[]): Promise<{ total: number; counts: Record<string, number> }> =>
  withRedis(async (redis) => {
    const { resetClaims } = await import('@semel/queue');
    const counts: Record<string, number> = {};
    for (const name of names) counts[name] = await resetClaims(redis, name);
    return { total: Object.values(counts).reduce((sum, count) => sum + count, 0), counts };
  });
