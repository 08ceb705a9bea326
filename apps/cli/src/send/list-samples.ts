import { knownProvider } from '../known-provider.js';
import type { CommandResult } from '../output/command-result.js';
import { table } from '../output/table.js';

/** Lists the event types and stories that can be sent, of one provider or of all. */
export async function listSamples(name: string | undefined): Promise<CommandResult> {
  const { providers } = await import('@semel/providers');
  const chosen = name === undefined ? providers : [await knownProvider(name)];
  const samples = chosen.flatMap((provider) =>
    provider.samples.map(({ type, description }) => ({ provider: provider.name, type, description })),
  );
  const stories = chosen.flatMap((provider) =>
    provider.scenarios.map(({ name: story, description, events }) => ({
      provider: provider.name,
      story,
      description,
      types: events().map(({ type }) => type),
    })),
  );
  const types = table(
    ['PROVIDER', 'TYPE', 'WHAT IT SAYS'],
    samples.map(({ provider, type, description }) => [provider, type, description]),
    'There is no sample.',
  );
  const lives = table(
    ['PROVIDER', '--story', 'WHAT HAPPENS'],
    stories.map(({ provider, story, description }) => [provider, story, description]),
    'There is no story.',
  );
  return { value: [...samples, ...stories], text: `${types}\n\n${lives}` };
}
