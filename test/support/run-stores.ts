import { startPostgres, startRedis } from './servers.js';

// A PostgreSQL and a Redis for a script that is not a test. They run until standard input ends, as it does with the
// parent. Their URLs are one line on standard output.

const postgres = await startPostgres({ fsync: false });
const redis = await startRedis({ appendonly: true });
process.stdin.resume().once('close', async () => {
  await Promise.all([postgres.stop(), redis.stop()]);
  process.exit(0);
});
console.log(JSON.stringify({ DATABASE_URL: postgres.url, REDIS_URL: redis.url }));
