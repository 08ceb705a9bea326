import { knownProvider } from '../known-provider.js';
import type { Answer } from '../output/answer.js';
import { table } from '../output/table.js';

/** The event types that can be sent, of one provider or of all. */
export async function listSamples(name: string | undefined): Promise<Answer> {
  const { providers } = await import('@semel/providers');
  const asked = name === undefined ? providers : [await knownProvider(name)];
  const samples = asked.flatMap((provider) =>
    provider.samples.map(({ type, description }) => ({ provider: provider.name, type, description })),
  );
  const rows = samples.map(({ provider, type, description }) => [provider, type, description]);
  return { value: samples, text: table(['PROVIDER', 'TYPE', 'WHAT IT SAYS'], rows, 'There is no sample.') };
}
