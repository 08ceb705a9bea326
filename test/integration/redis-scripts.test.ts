import { openProducerRedis, readQueueStats } from '@semel/queue';
import t from 'tap';
import { startRedis, waitUntil } from '../support/servers.js';

// Commands of one tick share a pipeline, which knows only the scripts that were defined before it was opened (ioredis#1931).
t.test('a script can be called in the same tick as the first command', async (t) => {
  const server = await startRedis();
  const redis = openProducerRedis(server.url, 2_000);
  t.teardown(async () => {
    redis.disconnect();
    await server.stop();
  });
  await waitUntil(() => redis.status === 'ready', { what: 'Redis is ready' });
  const [pong, stats] = await Promise.all([redis.ping(), readQueueStats(redis, 'stripe')]);
  t.equal(pong, 'PONG');
  t.match(stats, { jobs: { waiting: 0, failed: 0 }, oldestMs: null, isPaused: false });
});
