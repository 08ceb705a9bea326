import t from 'tap';
import { createRefresher } from '../../apps/console/src/refresher.js';
import { waitUntil } from '../support/wait-until.js';

/** A refresher over a store that is unreachable until the test changes that. */
function overStore(firstConnectionMs?: number) {
  const said: string[] = [];
  const store = { away: true, asked: 0 };
  const refresher = createRefresher(
    async () => {
      store.asked++;
      if (store.away) throw new Error('away');
    },
    (error) => void said.push(error === null ? 'back' : 'away'),
    firstConnectionMs,
  );
  const again = (what: string) => {
    const { asked } = store;
    const hasAsked = async () => {
      await refresher.refresh();
      return store.asked > asked;
    };
    return waitUntil(hasAsked, { what });
  };
  return { store, said, again };
}

t.test('a store that was not reached yet is not reported', async (t) => {
  const { store, said, again } = overStore();
  await again('it asks');
  store.away = false;
  await again('it is reached');
  t.same(said, []);
  store.away = true;
  await again('it is gone');
  t.same(said, ['away'], 'a failure after that is one at once');
});

t.test('a store that stays unreachable is reported once, and so is its return', async (t) => {
  const { store, said, again } = overStore(0);
  await again('it asks');
  await again('it asks again');
  t.same(said, ['away']);
  store.away = false;
  await again('it is back');
  t.same(said, ['away', 'back']);
});
