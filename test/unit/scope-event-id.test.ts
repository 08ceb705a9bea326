import { assertEventId, scopeEventId, scopeOldEvent } from '@semel/core';
import fc from 'fast-check';
import t from 'tap';
import { createEvent } from '../support/create-event.js';

const scoped = { idScope: 'endpoint' } as const;

/** What `standard` takes as an id, often in the form of a composed one. */
const id = fc.stringMatching(/^[A-Za-z0-9_.-]{1,200}$/);
/** Few of them, so that pairs are often equal. */
const endpointId = fc.oneof(
  fc.uuid(),
  fc.integer({ min: 0, max: 2 }).map((n) => `00000000-0000-4000-8000-00000000000${n}`),
);

t.test('two pairs of id and endpoint never have one event id, and the queue takes each', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(id, id, endpointId, endpointId, (a, b, at, bt) => {
        const isSame = a === b && at.slice(-12) === bt.slice(-12);
        const first = assertEventId(scopeEventId(scoped, a, at));
        return (first === scopeEventId(scoped, b, bt)) === isSame;
      }),
      { numRuns: 2_000 },
    ),
  );
});

t.test('ids that are unique per provider stay as they are', async (t) => {
  t.equal(scopeEventId({}, 'evt_1', 'aaaaaaaa-0000-4000-8000-9f86d081884c'), 'evt_1');
  const event = createEvent({ provider: 'stripe', eventId: 'evt_1' });
  t.equal(scopeOldEvent({}, event), event);
});

t.test("an older release's event gets the id that its next delivery will have", async (t) => {
  const at = 'aaaaaaaa-0000-4000-8000-9f86d081884c';
  const old = (eventId: string, body: { utf8: string } | { stored: true } = { utf8: '{}' }) =>
    scopeOldEvent(scoped, createEvent({ provider: 'standard', eventId, endpointId: at, body }));
  for (const [before, id] of [
    ['msg_1', 'msg_1'],
    ['id=1', '1'],
    ['msg_1~acme', 'msg_1'],
    ['id=1~acme', '1'],
  ] as const)
    t.equal(old(before).eventId, `${id}@9f86d081884c`, before);
  t.equal(old('msg_1@9f86d081884c').eventId, 'msg_1@9f86d081884c', 'once');
  t.same(old('id=1', { stored: true }).body, { stored: true, storedUnder: 'id=1' });
});
