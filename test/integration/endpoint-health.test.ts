import { connectionAs, startEndpointHealthRecorder } from '@semel/database';
import pg from 'pg';
import t from 'tap';
import { startSemelHost } from '../support/cli.js';
import { openConsole } from '../support/console.js';
import { startHarness, type TestEndpoint } from '../support/harness.js';
import { testEncryptionKey, testPasswordEnv, testPasswords, waitUntil } from '../support/servers.js';

// A silent or always refusing endpoint is visible before its provider disables it.

const harness = await startHarness(t, { receivers: 2, workers: 0 });
const firm = await harness.addFirm('acme');
const app = await openConsole(t, harness);

const row = async ({ id }: Pick<TestEndpoint, 'id'>) =>
  (
    await harness.sql<Record<'acknowledged_at' | 'refused_since' | 'refused_at', Date | null>>(
      'SELECT * FROM webhook_endpoint_health WHERE endpoint_id = $1',
      [id],
    )
  )[0];
const series = (name: string, { key, provider }: TestEndpoint, slug: string) =>
  `${name}{provider="${provider.name}",firm="${slug}",endpoint="${key}"}`;
const failing = (endpoint: TestEndpoint, slug = 'acme') =>
  harness.metric(series('webhook_endpoint_failing_seconds', endpoint, slug), [app]);

t.test("the latest delivery decides an endpoint's health, whichever receiver took it", async (t) => {
  const endpoint = await harness.addEndpoint('stripe', firm);
  const untouched = await harness.addEndpoint('stripe', firm);
  const good = (receiver: number) =>
    waitUntil(async () => (await harness.send(endpoint, 'invoice.paid', { receiver })).status === 200, {
      what: 'it is known, and answers 200',
    });
  const bad = (receiver: number) =>
    harness.send(endpoint, 'invoice.paid', { receiver, secret: 'whsec_wrong' });

  await good(0);
  await waitUntil(async () => (await row(endpoint))?.acknowledged_at, { what: 'the 2xx is written' });
  await waitUntil(async () => (await row(endpoint))?.refused_since === null, {
    what: 'and no refusal counts',
  });

  t.equal((await bad(1)).status, 401);
  const first = await waitUntil(async () => (await row(endpoint))?.refused_since, { what: 'it fails' });
  await waitUntil(
    async () => {
      await bad(0);
      return (await failing(endpoint)) >= 1.5;
    },
    { what: 'the span of refusals grows, though the receivers take turns', intervalMs: 200 },
  );
  t.same((await row(endpoint))?.refused_since, first, 'and still counts from the first');

  await good(1);
  await waitUntil(async () => (await row(endpoint))?.refused_since === null, { what: 'a 2xx ends it' });
  await waitUntil(async () => (await failing(endpoint)) === 0, { what: 'the console says so' });
  const acknowledged = series('webhook_endpoint_acknowledged_timestamp_seconds', endpoint, 'acme');
  await waitUntil(
    async () => Math.abs((await harness.metric(acknowledged, [app])) - Date.now() / 1_000) < 30,
    {
      what: 'the time of the last 2xx',
    },
  );

  await bad(0);
  await waitUntil(async () => (await row(endpoint))?.refused_since, { what: 'it fails again' });
  const { body } = await app.inject('/metrics');
  t.notMatch(body, untouched.key, 'who has had no delivery has no series');
});

t.test('health of a platform endpoint, a disabled endpoint and an unknown key', async (t) => {
  const endpoint = await harness.addEndpoint('twilio', null);
  await waitUntil(
    async () => {
      const { status } = await harness.send(endpoint, 'status:delivered', { secret: 'wrong' });
      return status !== 404 && (await row(endpoint)) !== undefined;
    },
    { what: 'its refusals are written', intervalMs: 200 },
  );
  const shown = async () => (await app.inject('/metrics')).body.includes(endpoint.key);
  await waitUntil(shown, { what: 'it is shown without a firm' });
  await harness.sql('UPDATE webhook_endpoints SET disabled_at = now() WHERE id = $1', [endpoint.id]);
  await waitUntil(async () => !(await shown()), { what: 'it is not shown any more' });

  const stranger = { ...endpoint, key: 'f'.repeat(22) };
  t.equal((await harness.send(stranger, 'status:delivered')).status, 404);
  await Promise.all(harness.receivers.map((receiver) => receiver.close()));
  const [{ n }] = (await harness.sql<{ n: number }>(
    'SELECT count(*)::int AS n FROM webhook_endpoint_health WHERE endpoint_id NOT IN (SELECT id FROM webhook_endpoints)',
  )) as [{ n: number }];
  t.equal(n, 0);
});

t.test("the commands show an endpoint's health", async (t) => {
  const endpoint = await harness.addEndpoint('square', firm);
  const semel = startSemelHost(t);
  const env = {
    DATABASE_URL: harness.database.url,
    REDIS_URL: harness.redisServer.url,
    SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
    ...testPasswordEnv,
  };
  await harness.sql(
    `INSERT INTO webhook_endpoint_health (endpoint_id, firm_id, acknowledged_at, refused_since, refused_at)
     VALUES ($1, $2, now() - interval '5 hours', now() - interval '4 hours', now() - interval '1 hour')`,
    [endpoint.id, firm],
  );
  const list = JSON.parse((await semel(['endpoint', 'list', '--failing', '--json'], { env })).stdout);
  const found = list.find(({ key }: { key: string }) => key === endpoint.key);
  t.match(found, { failingSince: /T/, acknowledgedAt: /T/ });
  t.notOk(list.some(({ failingSince }: { failingSince: string | null }) => failingSince === null));
  const { problems } = JSON.parse((await semel(['status', '--json'], { env })).stdout);
  t.match(
    problems.filter(({ next }: { next: string }) => next === 'semel endpoint list --failing'),
    [{ what: /^1 endpoint without a 2xx/ }],
  );
});

t.test('a failed health write is retried, and an older one changes nothing', async (t) => {
  const endpoint = await harness.addEndpoint('docusign', firm);
  const pool = new pg.Pool(connectionAs(harness.database.url, 'receiver', testPasswords));
  t.teardown(() => pool.end());
  const errors: unknown[] = [];
  const open = () => {
    const recorder = startEndpointHealthRecorder({
      pool,
      flushMs: 3_600_000,
      onError: (error) => errors.push(error),
    });
    t.teardown(() => recorder.stop());
    return recorder;
  };
  const [late, early] = [open(), open()];
  late.note(endpoint, false);
  await new Promise((resolve) => setTimeout(resolve, 5));
  early.note(endpoint, true);

  await harness.sql('REVOKE INSERT ON webhook_endpoint_health FROM semel_receiver');
  await early.flush();
  t.equal(errors.length, 1);
  t.equal(await row(endpoint), undefined);
  await harness.sql('GRANT INSERT ON webhook_endpoint_health TO semel_receiver');
  await early.flush();
  t.ok((await row(endpoint))?.acknowledged_at);
  await late.flush();
  t.match(await row(endpoint), { refused_since: null, refused_at: Date }, 'the 2xx was later');

  early.note(endpoint, false);
  const since = (await early.flush().then(() => row(endpoint)))?.refused_since;
  late.note(endpoint, false);
  await late.flush();
  t.same((await row(endpoint))?.refused_since, since);

  const writing = early.flush();
  early.note(endpoint, false);
  const underway = early.flush();
  await new Promise((resolve) => setImmediate(resolve));
  early.note(endpoint, true);
  await Promise.all([writing, underway]);
  await early.flush();
  t.match(await row(endpoint), { refused_since: null }, 'what is noted during a write is written after it');
});
