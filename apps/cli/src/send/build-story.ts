import type { Provider, Scenario } from '@semel/core';
import { type BuiltEvent, buildEvent } from './build-event.js';
import { findSample } from './find-sample.js';

/** The events of one story, a second apart on the provider's clock. The last one happens now. */
export function buildStory({
  provider,
  story,
  account,
}: {
  provider: Provider;
  story: Scenario;
  account: string | null;
}): BuiltEvent[] {
  const events = story.events();
  const endsMs = Date.now();
  return events.map(({ type, overrides }, index) =>
    buildEvent({
      sample: findSample(provider, type),
      account,
      overrides,
      nowMs: endsMs - (events.length - 1 - index) * 1000,
    }),
  );
}
