import { openRedisBreaker, type RedisBreakerOptions } from '@semel/queue';
import t from 'tap';
import { waitUntil } from '../support/wait-until.js';

/** A breaker before a Redis that is unreachable until the test changes that, and its reports. */
function overRedis(options: Partial<RedisBreakerOptions> = {}) {
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
  const breaker = openRedisBreaker({
    redis: connection as unknown as RedisBreakerOptions['redis'],
    queues: ['stripe'],
    budgetMs: 1_000,
    highWater: 0.7,
    backlogLimit: 10,
    onChange: (state, queue) => void said.push(queue === null ? state : `${state} ${queue}`),
    ...options,
  });
  return { breaker, redis, said };
}

t.test('a Redis that was not reached yet is not reported', async (t) => {
  const { breaker, redis, said } = overRedis();
  t.notOk(await breaker.check());
  t.notOk(breaker.of('stripe').isClosed, 'deliveries are spilled meanwhile');
  await t.rejects(breaker.of('stripe').run(async () => 'work'));
  redis.away = false;
  t.ok(await breaker.check());
  t.equal(await breaker.of('stripe').run(async () => 'work'), 'work');
  t.same(said, []);
});

t.test('a Redis that stays unreachable is reported once, and so is its return', async (t) => {
  const { breaker, redis, said } = overRedis({ everyMs: 2, firstConnectionMs: 50 });
  await waitUntil(() => said.length > 0, { what: 'it reports the outage' });
  t.ok(redis.looks > 1);
  const { looks } = redis;
  await waitUntil(() => redis.looks > looks + 3, { what: 'it looks again' });
  t.same(said, ['open']);
  redis.away = false;
  await waitUntil(() => said.length > 1, { what: 'it is back' });
  t.same(said, ['open', 'closed']);
  breaker.stop();
});

t.test('after the first contact, a failure is reported at once', async (t) => {
  const { breaker, redis, said } = overRedis();
  redis.away = false;
  await breaker.check();
  redis.away = true;
  await breaker.check();
  t.same(said, ['open']);
});

t.test('a Redis that is full at the first contact is reported', async (t) => {
  const { breaker, redis, said } = overRedis();
  await breaker.check();
  Object.assign(redis, { away: false, memory: 'used_memory:80\nmaxmemory:100\n' });
  t.notOk(await breaker.check());
  t.same(said, ['full']);
  redis.away = true;
  await breaker.check();
  t.same(said, ['full', 'open']);
});
