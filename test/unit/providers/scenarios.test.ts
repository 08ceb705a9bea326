import { type Change, idempotencyKey, type WebhookEvent } from '@semel/core';
import { providers } from '@semel/providers';
import t from 'tap';
import { shuffled } from '../../../apps/cli/src/send/shuffle.js';
import { type Model, stateOf, step } from '../../support/guard-model.js';
import { eventOf, nowMs, sampleNamed } from './deliveries.js';

for (const provider of providers) {
  t.test(`${provider.title}: every story can be told`, async (t) => {
    t.ok(provider.scenarios.length > 0, 'there is one');
    t.equal(new Set(provider.scenarios.map(({ name }) => name)).size, provider.scenarios.length);
    for (const story of provider.scenarios) {
      t.match(story.name, /^[a-z]+(-[a-z]+)*$/);
      const live = () =>
        story.events().map(({ type, overrides = {} }, index) => {
          const sample = sampleNamed(provider, type); // throws where the registry has none
          const { body } = sample.build({ account: null, nowMs: nowMs + index * 1000, overrides });
          const event = eventOf(provider, body, sample.channel);
          return { event, changes: provider.changesOf(event, body).changes };
        });
      const [one, other] = [live(), live()];
      const keys = [...one, ...other].map(({ event }) => idempotencyKey(event));
      t.equal(new Set(keys).size, keys.length, `${story.name}: each telling has events of its own`);

      const objects = (life: typeof one) =>
        new Set(
          life.flatMap(({ changes }) => changes.map(({ entity, externalId }) => `${entity} ${externalId}`)),
        );
      const shared = [...objects(one)].filter((key) => objects(other).has(key));
      t.ok(
        shared.every((key) => /^(conversation|opt_out) /.test(key)),
        `${story.name}: and objects of its own, but for what two numbers have in common`,
      );
      t.ok(
        objects(one).size === 0 || objects(one).size < one.flatMap(({ changes }) => changes).length,
        `${story.name}: its events are about the same objects`,
      );

      const inOrder = endOf(one);
      for (let seed = 0; seed < 20; seed += 1)
        t.strictSame(endOf(shuffled(one, seed)), inOrder, `${story.name}: seed ${seed} ends alike`);
    }
  });
}

t.test('a seed is one order', async (t) => {
  const items = Array.from({ length: 50 }, (_, i) => i);
  t.same(shuffled(items, 7), shuffled(items, 7));
  t.notSame(shuffled(items, 7), shuffled(items, 8));
  t.same(
    shuffled(items, 7).sort((a, b) => a - b),
    items,
    'all of them',
  );
});

/** What the store's guard leaves of each object. */
function endOf(life: readonly { event: WebhookEvent; changes: Change[] }[]) {
  const rows: Model = new Map();
  for (const { event, changes } of life) step(rows, event, changes);
  return stateOf(rows);
}
