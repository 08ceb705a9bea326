import type { Provider, Sample } from '@semel/core';
import { CliError, exitCodes } from '../cli-error.js';

/** Throws `type_unknown`, whose advice lists the provider's samples. */
export function findSample(provider: Provider, type: string): Sample {
  const sample = provider.samples.find((candidate) => candidate.type === type);
  if (sample !== undefined) return sample;
  throw new CliError('type_unknown', `there is no ${provider.name} sample "${type}"`, {
    advice: `choose one of: ${provider.samples.map((known) => known.type).join(', ')}`,
    exitCode: exitCodes.usage,
  });
}
