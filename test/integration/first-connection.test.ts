import { providers } from '@semel/providers';
import t from 'tap';
import { openConsole } from '../support/console.js';
import { type Harness, mainTypeOf, startHarness } from '../support/harness.js';
import { idOf } from '../support/one-effect.js';
import { freePort, waitUntil } from '../support/servers.js';

// A first connection in progress is not a failure. A store that stays unreachable is one, and must be logged.

t.jobs = 3; // the tests mostly wait

const worries = ({ logs }: Pick<Harness, 'logs'>) =>
  logs.filter(({ level }) => level !== 'info' && level !== 'debug');

t.test('apps that reach their stores log no warning', async (t) => {
  const harness = await startHarness(t, { workers: 0, redis: { appendonly: true } });
  const firm = await harness.addFirm();
  const sent = [];
  for (const provider of providers) {
    const endpoint = await harness.addEndpoint(provider.name, firm);
    const { type, outcome } = mainTypeOf(provider);
    for (let i = 0; i < 5; i++) {
      const { body } = harness.buildBody(endpoint, type);
      t.equal((await harness.send(endpoint, type, { body })).status, 200);
      sent.push({ provider, eventId: idOf(endpoint, body), outcome });
    }
  }
  const app = await openConsole(t, harness, { log: harness.log });
  const isReady = async () => (await app.inject('/readyz')).statusCode === 200;
  await app.inject('/metrics'); // immediately: a scrape does not wait
  await harness.startWorker();
  for (const { provider, eventId, outcome } of sent) await harness.applied(provider, eventId, outcome);
  await waitUntil(isReady, { what: 'the console is ready' });
  await app.close();
  await Promise.all([...harness.workers, ...harness.receivers].map((each) => each.close()));
  t.same(worries(harness), []);
});

t.test('apps whose Redis stays unreachable log it', async (t) => {
  const redisUrl = `redis://127.0.0.1:${await freePort()}`;
  const harness = await startHarness(t, { redisUrl });
  const app = await openConsole(t, harness, { redisUrl, log: harness.log });
  await app.ready();
  const said = (wanted: Record<string, unknown>) =>
    harness.logs.filter((line) => Object.entries(wanted).every(([name, value]) => line[name] === value));
  const breakers = () => said({ level: 'warn', msg: 'redis.breaker', state: 'open' });
  await waitUntil(() => breakers().length === 2, { what: 'the breakers of receiver and worker are failing' });
  await waitUntil(() => said({ level: 'warn', msg: 'gauges.failed', store: 'redis' }).length === 1, {
    what: 'the gauges have failed',
  });
  t.same(said({ msg: 'gauges.failed', store: 'postgres' }), []);
});

t.test('apps whose PostgreSQL stays unreachable log it', async (t) => {
  const port = await freePort();
  const away = (url: string) => Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href;
  const harness = await startHarness(t, { databaseUrl: away });
  const app = await openConsole(t, harness, { databaseUrl: away(harness.database.url), log: harness.log });
  await app.ready();
  const count = (event: string) =>
    harness.logs.filter(({ level, msg }) => level === 'warn' && msg === event).length;
  for (const event of ['endpoints.refreshFailed', 'spill.waiting', 'outbox.waiting', 'gauges.failed'])
    await waitUntil(() => count(event) === 1, { what: `one of them says ${event}` });
});
