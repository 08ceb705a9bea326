import type { Command } from 'commander';
import { confirm } from '../input/confirm.js';
import { knownProvider } from '../known-provider.js';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { fields } from '../output/table.js';
import { withAudit } from '../stores/audited.js';
import { withRedis } from '../stores/with-redis.js';

interface Asked {
  provider?: string;
  yes?: true;
}

export function claims(program: Command): void {
  const group = program.command('claims').description('what Redis remembers of events that came in');

  group
    .command('reset')
    .description(
      'forget all claims, after PostgreSQL was restored to an earlier time; the ledger still knows duplicates',
    )
    .option('--provider <provider>', 'only of this provider')
    .option('--yes', 'do not ask')
    .addHelpText('after', example('semel claims reset --provider stripe --yes'))
    .action(
      answering(async ({ provider, yes }: Asked, command: Command) => {
        const { providers } = await import('@semel/providers');
        const asked = provider === undefined ? providers : [await knownProvider(provider)];
        const names = asked.map(({ name }) => name);
        await confirm(`Forget every claim of ${names.join(', ')}?`, {
          yes: yes === true,
          json: command.optsWithGlobals().json === true,
        });
        const { total, counts } = await withAudit(
          { name: 'claims reset', params: { providers: names } },
          () => forget(names),
          (result) => ({ firm: null, result }),
        );
        return { value: { total, claims: counts }, text: fields({ ...counts, total }) };
      }),
    );
}

const forget = (names: readonly string[]): Promise<{ total: number; counts: Record<string, number> }> =>
  withRedis(async (redis) => {
    const { resetClaims } = await import('@semel/queue');
    const counts: Record<string, number> = {};
    for (const name of names) counts[name] = await resetClaims(redis, name);
    return { total: Object.values(counts).reduce((sum, count) => sum + count, 0), counts };
  });
