import { openRedisGate, type RedisGateOptions } from '@semel/queue';
import t from 'tap';
import { waitUntil } from '../support/wait-until.js';

/** A gate before a Redis that is away until told otherwise, and what it said of it. */
function overRedis(options: Partial<RedisGateOptions> = {}) {
  const said: string[] = [];
  const redis = { away: true, looks: 0, memory: '' };
  const answer = async <T>(value: T): Promise<T> => {
    if (redis.away) throw new Error("Stream isn't writeable");
    return value;
  };
  const connection = {
    llen: () => answer(0),
    zcard: () => answer(0),
    info: () => {
      redis.looks++;
      return answer(redis.memory);
    },
  };
  const gate = openRedisGate({
    redis: connection as unknown as RedisGateOptions['redis'],
    queues: ['stripe'],
    budgetMs: 1_000,
    highWater: 0.7,
    backlogLimit: 10,
    onChange: (state, queue) => void said.push(queue === null ? state : `${state} ${queue}`),
    ...options,
  });
  return { gate, redis, said };
}

t.test('a Redis that is not reached yet is not told of', async (t) => {
  const { gate, redis, said } = overRedis();
  t.notOk(await gate.check());
  t.notOk(gate.of('stripe').isOpen, 'what arrives goes elsewhere all the same');
  await t.rejects(gate.of('stripe').pass(async () => 'work'));
  redis.away = false;
  t.ok(await gate.check());
  t.equal(await gate.of('stripe').pass(async () => 'work'), 'work');
  t.same(said, []);
});

t.test('a Redis that stays away is told of, once, and so is its return', async (t) => {
  const { gate, redis, said } = overRedis({ everyMs: 2, firstConnectionMs: 50 });
  await waitUntil(() => said.length > 0, { what: 'it says so' });
  t.ok(redis.looks > 1);
  const { looks } = redis;
  await waitUntil(() => redis.looks > looks + 3, { what: 'it looks again' });
  t.same(said, ['failing']);
  redis.away = false;
  await waitUntil(() => said.length > 1, { what: 'it is back' });
  t.same(said, ['failing', 'open']);
  gate.stop();
});

t.test('once it was reached, its first failure is told of at once', async (t) => {
  const { gate, redis, said } = overRedis();
  redis.away = false;
  await gate.check();
  redis.away = true;
  await gate.check();
  t.same(said, ['failing']);
});

t.test('a Redis that is full when it is first reached is told of', async (t) => {
  const { gate, redis, said } = overRedis();
  await gate.check();
  Object.assign(redis, { away: false, memory: 'used_memory:80\nmaxmemory:100\n' });
  t.notOk(await gate.check());
  t.same(said, ['full']);
  redis.away = true;
  await gate.check();
  t.same(said, ['full', 'failing']);
});
