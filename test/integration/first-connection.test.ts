import { providers } from '@semel/providers';
import t from 'tap';
import { openConsole } from '../support/console.js';
import { idOf } from '../support/one-effect.js';
import { freePort, waitUntil } from '../support/servers.js';
import { createWorld, mainTypeOf, type World } from '../support/world.js';

// What connects for the first time has not failed. What stays away has, and that must be said.

t.jobs = 3; // most of the time they wait

const worries = ({ logs }: Pick<World, 'logs'>) =>
  logs.filter(({ level }) => level !== 'info' && level !== 'debug');

t.test('apps that find their stores, and work that waits for them, have nothing to warn of', async (t) => {
  const world = await createWorld(t, { workers: 0, redis: { appendonly: true } });
  const firm = await world.addFirm();
  const sent = [];
  for (const provider of providers) {
    const endpoint = await world.addEndpoint(provider.name, firm);
    const { type, outcome } = mainTypeOf(provider);
    for (let i = 0; i < 5; i++) {
      const { body } = world.buildBody(endpoint, type);
      t.equal((await world.send(endpoint, type, { body })).status, 200);
      sent.push({ provider, eventId: idOf(provider, body), outcome });
    }
  }
  const app = await openConsole(t, world, { log: world.log });
  const isReady = async () => (await app.inject('/readyz')).statusCode === 200;
  await app.inject('/metrics'); // at once: a scrape does not wait
  await world.startWorker();
  for (const { provider, eventId, outcome } of sent) await world.applied(provider, eventId, outcome);
  await waitUntil(isReady, { what: 'the console is ready' });
  await app.close();
  await Promise.all([...world.workers, ...world.receivers].map((each) => each.close()));
  t.same(worries(world), []);
});

t.test('apps whose Redis stays away say so', async (t) => {
  const redisUrl = `redis://127.0.0.1:${await freePort()}`;
  const world = await createWorld(t, { redisUrl });
  const app = await openConsole(t, world, { redisUrl, log: world.log });
  await app.ready();
  const said = (wanted: Record<string, unknown>) =>
    world.logs.filter((line) => Object.entries(wanted).every(([name, value]) => line[name] === value));
  const breakers = () => said({ level: 'warn', msg: 'redis.breaker', state: 'open' });
  await waitUntil(() => breakers().length === 2, { what: 'the breakers of receiver and worker are failing' });
  await waitUntil(() => said({ level: 'warn', msg: 'gauges.failed', store: 'redis' }).length === 1, {
    what: 'the gauges have failed',
  });
  t.same(said({ msg: 'gauges.failed', store: 'postgres' }), []);
});

t.test('apps whose PostgreSQL stays away say so', async (t) => {
  const port = await freePort();
  const away = (url: string) => Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href;
  const world = await createWorld(t, { databaseUrl: away });
  const app = await openConsole(t, world, { databaseUrl: away(world.database.url), log: world.log });
  await app.ready();
  const count = (event: string) =>
    world.logs.filter(({ level, msg }) => level === 'warn' && msg === event).length;
  for (const event of ['endpoints.refreshFailed', 'spill.waiting', 'outbox.waiting', 'gauges.failed'])
    await waitUntil(() => count(event) === 1, { what: `one of them says ${event}` });
});
