import type { Provider, Story } from '@semel/core';
import { CliError, exitCodes } from '../cli-error.js';

/** Throws `story_unknown`, whose advice lists the provider's stories. */
export function findStory(provider: Provider, name: string): Story {
  const story = provider.stories.find((candidate) => candidate.name === name);
  if (story !== undefined) return story;
  throw new CliError('story_unknown', `there is no ${provider.name} story "${name}"`, {
    advice: `choose one of: ${provider.stories.map((known) => known.name).join(', ')}`,
    exitCode: exitCodes.usage,
  });
}
