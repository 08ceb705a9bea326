import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createConsumerBreaker } from '../../apps/worker/src/consumer-breaker.js';
import { waitUntil } from '../support/wait-until.js';

/** A breaker over a store that is unreachable until the test changes that. */
function overStore(everyMs = 5) {
  const seen: string[] = [];
  const store = { away: true, probes: 0, hangs: false };
  const breaker = createConsumerBreaker({
    probe: async () => {
      store.probes++;
      if (store.hangs) await new Promise(() => undefined);
      if (store.away) throw new Error('away');
    },
    everyMs,
    onOpen: () => void seen.push('open'),
    onClose: () => void seen.push('close'),
  });
  return { breaker, store, seen };
}

t.test('it opens once however many jobs fail, and closes when the store answers', async (t) => {
  const { breaker, store, seen } = overStore();
  for (let i = 0; i < 100; i++) breaker.trip();
  t.same(seen, ['open']);
  t.equal(store.probes, 0, 'it does not ask at once');
  await waitUntil(() => store.probes > 3, { what: 'it asks again and again' });
  t.same(seen, ['open'], 'the store is still away');
  store.away = false;
  await waitUntil(() => seen.length === 2, { what: 'it closes' });
  t.same(seen, ['open', 'close']);
  const { probes } = store;
  await sleep(30);
  t.equal(store.probes, probes, 'then it asks no more');
});

t.test('it opens again for the next outage', async (t) => {
  const { breaker, store, seen } = overStore();
  store.away = false;
  breaker.trip();
  await waitUntil(() => seen.length === 2, { what: 'it closes' });
  breaker.trip();
  await waitUntil(() => seen.length === 4, { what: 'it closes again' });
  t.same(seen, ['open', 'close', 'open', 'close']);
});

t.test('one probe at a time', async (t) => {
  const { breaker, store } = overStore(1);
  store.hangs = true;
  breaker.trip();
  await waitUntil(() => store.probes === 1, { what: 'it asks' });
  breaker.trip();
  await sleep(30);
  t.equal(store.probes, 1);
});

t.test('after stop it neither probes nor closes', async (t) => {
  const { breaker, store, seen } = overStore();
  breaker.trip();
  breaker.stop();
  store.away = false;
  await sleep(30);
  t.equal(store.probes, 0);
  breaker.trip();
  t.same(seen, ['open']);
});

t.test('stopped during a probe, it stays open', async (t) => {
  const seen: string[] = [];
  let answer = (): void => undefined;
  const breaker = createConsumerBreaker({
    probe: () =>
      new Promise<void>((resolve) => {
        seen.push('probe');
        answer = resolve;
      }),
    everyMs: 1,
    onOpen: () => void seen.push('open'),
    onClose: () => void seen.push('close'),
  });
  breaker.trip();
  await waitUntil(() => seen.includes('probe'), { what: 'it asks' });
  breaker.stop();
  answer();
  await sleep(10);
  t.same(seen, ['open', 'probe']);
});
