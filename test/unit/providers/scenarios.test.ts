import { type Change, idempotencyKey, type WebhookEvent } from '@semel/core';
import { providers } from '@semel/providers';
import t from 'tap';
import { shuffled } from '../../../apps/cli/src/send/shuffle.js';
import { type Model, stateOf, step } from '../../support/guard-model.js';
import { eventOf, nowMs, sampleNamed } from './deliveries.js';

for (const provider of providers) {
  t.test(`${provider.title}: every scenario has valid samples and fresh ids`, async (t) => {
    t.ok(provider.scenarios.length > 0, 'there is one');
    t.equal(new Set(provider.scenarios.map(({ name }) => name)).size, provider.scenarios.length);
    for (const scenario of provider.scenarios) {
      t.match(scenario.name, /^[a-z]+(-[a-z]+)*$/);
      const live = () =>
        scenario.events().map(({ type, overrides = {} }, index) => {
          const sample = sampleNamed(provider, type); // throws if there is none
          const { body } = sample.build({ account: null, nowMs: nowMs + index * 1000, overrides });
          const event = eventOf(provider, body, sample.channel);
          return { event, changes: provider.changesOf(event, body).changes };
        });
      const [one, other] = [live(), live()];
      const keys = [...one, ...other].map(({ event }) => idempotencyKey(event));
      t.equal(new Set(keys).size, keys.length, `${scenario.name}: each telling has events of its own`);

      const objects = (life: typeof one) =>
        new Set(
          life.flatMap(({ changes }) => changes.map(({ entity, externalId }) => `${entity} ${externalId}`)),
        );
      const shared = [...objects(one)].filter((key) => objects(other).has(key));
      t.ok(
        shared.every((key) => /^(conversation|opt_out) /.test(key)),
        `${scenario.name}: and objects of its own, but for what two numbers have in common`,
      );
      t.ok(
        objects(one).size === 0 || objects(one).size < one.flatMap(({ changes }) => changes).length,
        `${scenario.name}: its events are about the same objects`,
      );

      const inOrder = endOf(one);
      for (let seed = 0; seed < 20; seed += 1)
        t.strictSame(endOf(shuffled(one, seed)), inOrder, `${scenario.name}: seed ${seed} ends alike`);
    }
  });
}

t.test('a seed gives one order', async (t) => {
  const items = Array.from({ length: 50 }, (_, i) => i);
  t.same(shuffled(items, 7), shuffled(items, 7));
  t.notSame(shuffled(items, 7), shuffled(items, 8));
  t.same(
    shuffled(items, 7).sort((a, b) => a - b),
    items,
    'all of them',
  );
});

/** Each object after the guard model. */
function endOf(life: readonly { event: WebhookEvent; changes: Change[] }[]) {
  const rows: Model = new Map();
  for (const { event, changes } of life) step(rows, event, changes);
  return stateOf(rows);
}
