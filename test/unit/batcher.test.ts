import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { createBatcher } from '../../apps/worker/src/batcher.js';

interface Item {
  key: string;
  value: number;
  firm?: string;
}

const keyOf = ({ key }: Item) => key;
const firmOf = ({ firm = 'a firm' }: Item) => firm;
const item = (value: number, key = `key ${value}`): Item => ({ key, value });

/** Groups that end only when the test says so. */
function held(options: {
  maxSize: number;
  concurrency: number;
  concurrencyOfFirm?: number;
  maxWeight?: number;
}) {
  const groups: { items: Item[]; end(error?: unknown): Promise<void> }[] = [];
  const run = createBatcher<Item, string>({
    ...options,
    keyOf,
    firmOf,
    weightOf: ({ value }) => value,
    maxWeight: options.maxWeight ?? Number.POSITIVE_INFINITY,
    run: (items) =>
      new Promise((resolve, reject) => {
        groups.push({
          items,
          end: async (error) => {
            if (error === undefined) resolve(items.map(({ value }) => `done ${value}`));
            else reject(error);
            await turn();
          },
        });
      }),
  });
  return { run, groups, values: () => groups.map(({ items }) => items.map(({ value }) => value)) };
}

t.test('items of one moment form one batch, later ones the next batch', async (t) => {
  const { run, groups, values } = held({ maxSize: 10, concurrency: 1 });
  const first = [run(item(1)), run(item(2))];
  await turn();
  t.same(values(), [[1, 2]]);
  const later = [run(item(3)), run(item(4)), run(item(5))];
  await turn();
  t.same(values(), [[1, 2]], 'one group at work at a time');
  await groups[0]?.end();
  t.same(values(), [
    [1, 2],
    [3, 4, 5],
  ]);
  await groups[1]?.end();
  t.same(await Promise.all([...first, ...later]), ['done 1', 'done 2', 'done 3', 'done 4', 'done 5']);
});

t.test('a single item does not wait for others', async (t) => {
  const { run, groups } = held({ maxSize: 10, concurrency: 2 });
  const one = run(item(1));
  await turn();
  const two = run(item(2));
  await turn();
  t.equal(groups.length, 2);
  await groups[1]?.end();
  t.equal(await two, 'done 2', 'whichever ends first');
  await groups[0]?.end();
  t.equal(await one, 'done 1');
});

t.test('no batch is larger than its limit', async (t) => {
  const { run, groups, values } = held({ maxSize: 2, concurrency: 2 });
  const all = [1, 2, 3, 4, 5].map((value) => run(item(value)));
  await turn();
  t.same(values(), [
    [1, 2],
    [3, 4],
  ]);
  for (let i = 0; i < 3; i++) await groups[i]?.end();
  t.equal((await Promise.all(all)).length, 5);
});

t.test('a batch never contains a key twice', async (t) => {
  const { run, groups, values } = held({ maxSize: 10, concurrency: 1 });
  const all = [run(item(1, 'a')), run(item(2, 'a')), run(item(3, 'b')), run(item(4, 'a'))];
  await turn();
  for (let i = 0; i < 3; i++) await groups[i]?.end();
  t.same(values(), [[1], [2, 3], [4]]);
  t.same(await Promise.all(all), ['done 1', 'done 2', 'done 3', 'done 4'], 'each gets its own result');
});

t.test('a failing batch fails all of its items, and not the next batch', async (t) => {
  const { run, groups } = held({ maxSize: 2, concurrency: 1 });
  const settled = Promise.allSettled([1, 2, 3].map((value) => run(item(value))));
  await turn();
  const error = new Error('no');
  await groups[0]?.end(error);
  await groups[1]?.end();
  t.match(await settled, [
    { status: 'rejected', reason: error },
    { status: 'rejected', reason: error },
    { status: 'fulfilled', value: 'done 3' },
  ]);
});

t.test('work that throws synchronously counts as a failure', async (t) => {
  let calls = 0;
  const run = createBatcher<Item, string>({
    maxSize: 2,
    concurrency: 1,
    keyOf,
    firmOf,
    weightOf: () => 1,
    maxWeight: 2,
    run: (items) => {
      if (calls++ === 0) throw new Error('at once');
      return Promise.resolve(items.map(() => 'fine'));
    },
  });
  await t.rejects(run(item(1)), { message: 'at once' });
  t.equal(await run(item(2)), 'fine', 'and the next one is run');
});

t.test('firms take turns, whatever the backlog of each', async (t) => {
  const { run, groups, values } = held({ maxSize: 4, concurrency: 1 });
  const heavy = Array.from({ length: 10 }, (_, i) => run({ ...item(i), firm: 'heavy' }));
  await turn();
  const quiet = [run({ ...item(100), firm: 'quiet' }), run({ ...item(200), firm: 'other' })];
  await groups[0]?.end();
  t.same(values()[1], [4, 100, 200, 5], 'one of each, then more of who has more');
  for (let i = 1; i < 4; i++) await groups[i]?.end();
  t.equal((await Promise.all([...heavy, ...quiet])).length, 12);
});

t.test('one firm never fills a whole batch', async (t) => {
  const { run, groups, values } = held({ maxSize: 1, concurrency: 3, concurrencyOfFirm: 2 });
  const all = [1, 2, 3, 4].map((value) => run({ ...item(value), firm: 'slow' }));
  await turn();
  t.same(values(), [[1], [2]], 'it waits, although there is a place');
  all.push(run({ ...item(5), firm: 'quiet' }));
  await turn();
  t.same(values(), [[1], [2], [5]]);
  for (let i = 0; i < 5; i++) await groups[i]?.end();
  t.equal((await Promise.all(all)).length, 5);
});

t.test('every item runs once, within the limits, and gets its own answer', async (t) => {
  const scenario = fc.record({
    maxSize: fc.integer({ min: 1, max: 5 }),
    concurrency: fc.integer({ min: 1, max: 3 }),
    maxWeight: fc.integer({ min: 1, max: 12 }),
    keys: fc.array(
      fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.boolean(), fc.constantFrom('one', 'two', 'three')),
      { maxLength: 40 },
    ),
  });
  const weightOf = ({ value }: Item) => value % 7;
  const holds = async ({ maxSize, concurrency, maxWeight, keys }: Scenario) => {
    let atWork = 0;
    const ran: number[] = [];
    const run = createBatcher<Item, number>({
      maxSize,
      concurrency,
      keyOf,
      firmOf,
      weightOf,
      maxWeight,
      run: async (items) => {
        atWork++;
        const within =
          atWork <= concurrency &&
          items.length <= maxSize &&
          items.length > 0 &&
          (items.length === 1 || items.reduce((sum, each) => sum + weightOf(each), 0) <= maxWeight) &&
          new Set(items.map(keyOf)).size === items.length;
        await turn();
        atWork--;
        if (!within) throw new Error('beyond its limits');
        ran.push(...items.map(({ value }) => value));
        return items.map(({ value }) => value * 2);
      },
    });
    const answers: Promise<number>[] = [];
    for (const [index, [key, pause, firm]] of keys.entries()) {
      answers.push(run({ ...item(index, key), firm }));
      if (pause) await turn();
    }
    const got = await Promise.all(answers);
    return (
      got.every((value, i) => value === i * 2) &&
      new Set(ran).size === keys.length &&
      ran.length === keys.length
    );
  };
  await t.resolves(fc.assert(fc.asyncProperty(scenario, holds), { numRuns: 200 }));
});

interface Scenario {
  maxSize: number;
  concurrency: number;
  maxWeight: number;
  keys: [string, boolean, string][];
}
