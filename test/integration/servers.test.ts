import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { isAlive } from '@semel/start/servers';
import { Redis } from 'ioredis';
import pg from 'pg';
import t from 'tap';
import { createTestDatabase, leakGuard, startPostgres, startRedis, waitUntil } from '../support/servers.js';

t.test('a killed server comes back with its data', async (t) => {
  const nothingLeft = leakGuard();
  const redis = await startRedis({ appendonly: true });
  const client = new Redis(redis.url, { lazyConnect: true, maxRetriesPerRequest: 1 });
  client.on('error', () => undefined);
  await client.set('kept', 'yes');
  const before = redis.pid;
  await redis.kill();
  t.notOk(isAlive(before));
  await redis.restart();
  t.not(redis.pid, before);
  t.equal(await waitUntil(() => client.get('kept'), { what: 'Redis answers again' }), 'yes');
  client.disconnect();
  await redis.stop();
  t.notOk(isAlive(redis.pid));
  t.notOk(existsSync(redis.dir));
  await nothingLeft();
});

t.test('no server outlives a test process that is killed', async (t) => {
  const script = `
    import { startPostgres, startRedis } from './test/support/servers.ts';
    const redis = await startRedis();
    const postgres = await startPostgres({ fsync: false });
    console.log(JSON.stringify([redis, postgres].map(({ pid, dir }) => ({ pid, dir }))));
    setInterval(() => undefined, 1000);`;
  const options = ['--import=tsx', '--conditions=@semel/source', '--input-type=module', '--eval', script];
  const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const servers = JSON.parse(line) as { pid: number; dir: string }[];
  t.ok(servers.every(({ pid }) => isAlive(pid)));
  child.kill('SIGKILL');
  await waitUntil(() => servers.every(({ pid, dir }) => !isAlive(pid) && !existsSync(dir)), {
    what: 'both servers and their data are gone',
  });
});

t.test('a lock file with the id of another living process does not block PostgreSQL', async (t) => {
  const postgres = await startPostgres({ fsync: false });
  await postgres.kill();
  const sleeper = execFile('sleep', ['60']);
  writeFileSync(
    `${postgres.dir}/data/postmaster.pid`,
    `${sleeper.pid}\n${postgres.dir}/data\n0\n${postgres.port}\n`,
  );
  await postgres.restart();
  t.ok(isAlive(postgres.pid));
  t.ok(isAlive(sleeper.pid as number), 'the other process is left alone');
  sleeper.kill();
  await postgres.stop();
});

t.test('a test database is migrated, and dropped afterwards', async (t) => {
  const { url, drop } = await createTestDatabase();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.same((await client.query('SELECT count(*)::int AS firms FROM firms')).rows, [{ firms: 0 }]);
  await client.end();
  await drop();
  await t.rejects(new pg.Client({ connectionString: url }).connect(), { code: '3D000' });
});
