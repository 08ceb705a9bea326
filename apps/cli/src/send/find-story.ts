import type { Provider, Scenario } from '@semel/core';
import { CliError, exitCodes } from '../cli-error.js';

/** Throws `story_unknown`, whose advice lists the provider's stories. */
export function findStory(provider: Provider, name: string): Scenario {
  const story = provider.scenarios.find((candidate) => candidate.name === name);
  if (story !== undefined) return story;
  throw new CliError('story_unknown', `there is no ${provider.name} story "${name}"`, {
    advice: `choose one of: ${provider.scenarios.map((known) => known.name).join(', ')}`,
    exitCode: exitCodes.usage,
  });
}
