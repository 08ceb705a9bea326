import { knownProvider } from '../known-provider.js';
import type { Answer } from '../output/answer.js';
import { table } from '../output/table.js';

/** The event types and the stories that can be sent, of one provider or of all. */
export async function listSamples(name: string | undefined): Promise<Answer> {
  const { providers } = await import('@semel/providers');
  const asked = name === undefined ? providers : [await knownProvider(name)];
  const samples = asked.flatMap((provider) =>
    provider.samples.map(({ type, description }) => ({ provider: provider.name, type, description })),
  );
  const stories = asked.flatMap((provider) =>
    provider.stories.map(({ name: story, description, tell }) => ({
      provider: provider.name,
      story,
      description,
      types: tell().map(({ type }) => type),
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
