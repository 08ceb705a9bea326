import { encryptionKey } from '@semel/database';
import { providers } from '@semel/providers';
import { openQueue, quarantineQueueName } from '@semel/queue';
import { createLogger } from '@semel/telemetry';
import type { FastifyInstance, InjectOptions } from 'fastify';
import t from 'tap';
import { startApp } from '../support/apps.js';
import { openConsole } from '../support/console.js';
import { type Harness, identityOf, startHarness } from '../support/harness.js';
import { freePort, startRedis, testEncryptionKey, testPasswordEnv, waitUntil } from '../support/servers.js';

const password = 'a long and odd pass:phrase';
const basic = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
const phone = '2015550198';
const words = 'MeetMeAtTheCourthouse';
const hourMs = 3_600_000;

t.setTimeout(120_000);

interface TestConsole {
  app: FastifyInstance;
  logs: string[];
  clock: { ms: number };
}

async function startConsole(
  t: { teardown(end: () => Promise<void>): void },
  harness: Pick<Harness, 'database' | 'redisServer'>,
  redisUrl = harness.redisServer.url,
): Promise<TestConsole> {
  const logs: string[] = [];
  const clock = { ms: Date.now() };
  const app = await openConsole(t, harness, {
    redisUrl,
    password,
    log: createLogger({ app: 'console', stream: { write: (line: string) => void logs.push(line) } }),
    now: () => clock.ms,
  });
  await app.ready();
  if (redisUrl === harness.redisServer.url)
    await waitUntil(async () => (await app.inject('/readyz')).statusCode === 200, { what: 'it is ready' });
  return { app, logs, clock };
}

const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

function signIn(app: FastifyInstance, given: string, options: Partial<InjectOptions> = {}) {
  const payload = new URLSearchParams({ username: 'admin', password: given }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', ...options.headers };
  return app.inject({ method: 'POST', url: '/login', payload, ...options, headers });
}

const as = (app: FastifyInstance, method: string, url: string, payload?: object) =>
  app.inject({
    method: method as 'GET',
    url,
    headers: { authorization: basic },
    ...(payload === undefined ? {} : { payload }),
  });

t.test('the gauges count all firms and queues', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const { app } = await startConsole(t, harness);
  const value = (series: string) => harness.metric(series, [app]);
  const until = (series: string, wanted: number) =>
    waitUntil(async () => (await value(series)) === wanted, { what: `${series} is ${wanted}` });

  const { body: fresh } = await app.inject('/metrics');
  for (const provider of providers.map(({ name }) => name)) {
    for (const state of ['waiting', 'active', 'delayed', 'paused', 'failed', 'completed'])
      t.ok(fresh.includes(`webhook_queue_jobs{provider="${provider}",state="${state}"} 0\n`));
    t.ok(fresh.includes(`webhook_oldest_job_age_seconds{provider="${provider}"} 0\n`));
  }
  t.match(fresh, /^webhook_spill_rows 0$/m);
  t.match(fresh, /^webhook_quarantine_rows 0$/m);

  const [firm, other] = [await harness.addFirm(), await harness.addFirm()];
  const platform = await harness.addEndpoint('stripe', null);
  const listed = await harness.addEndpoint('stripe', other, { accounts: ['acct_1listed0000000'] });
  const stripe = await harness.addEndpoint('stripe', firm);
  for (let i = 0; i < 3; i++) await harness.send(stripe, 'invoice.paid');
  await until('webhook_queue_jobs{provider="stripe",state="waiting"}', 3);
  await waitUntil(async () => (await value('webhook_oldest_job_age_seconds{provider="stripe"}')) > 0.2, {
    what: 'the age of the oldest job grows',
  });

  const oldest = Date.now() - 3_600_000;
  const queue = openQueue(harness.redis, 'stripe');
  t.teardown(() => queue.close());
  await queue.add('invoice.paid', {}, { jobId: 'evt_retried', timestamp: oldest, delay: 600_000 });
  await until('webhook_queue_jobs{provider="stripe",state="delayed"}', 1);
  const age = await value('webhook_oldest_job_age_seconds{provider="stripe"}');
  t.ok(age >= 3_600 && age < 3_700, 'a retry counts from when it was added');

  await queue.pause();
  await until('webhook_queue_jobs{provider="stripe",state="paused"}', 3);
  t.equal(await value('webhook_queue_jobs{provider="stripe",state="waiting"}'), 0);
  await queue.resume();
  await queue.remove('evt_retried');

  // Of one firm, of another one, and of no firm.
  const unmapped = await harness.send(platform, 'invoice.paid', { account: 'acct_1unknown000000' });
  t.equal(unmapped.outcome, 'quarantined');
  const unlisted = await harness.send(listed, 'invoice.paid', { account: 'acct_1another000000' });
  t.equal(unlisted.outcome, 'quarantined');
  await until('webhook_quarantine_rows', 2);
  await harness.sql(
    `UPDATE webhook_quarantine SET resolved_at = now(), resolution = 'discarded' WHERE firm_id IS NULL`,
  );
  await until('webhook_quarantine_rows', 1);

  await harness.sql(
    `INSERT INTO webhook_spill (firm_id, provider, event_id, endpoint_id, event_type, event_raw, body_sha256, received_at, enqueued_at, due_at)
     SELECT $1, 'stripe', 'evt_' || n, $2, 'invoice.paid', '', '', now(), CASE WHEN n > 2 THEN now() END, 'infinity'
     FROM generate_series(1, 3) AS n`,
    [firm, stripe.id],
  );
  await until('webhook_spill_rows', 2);

  await harness.startWorker();
  await until('webhook_queue_jobs{provider="stripe",state="completed"}', 3);
  await until('webhook_oldest_job_age_seconds{provider="stripe"}', 0);
});

t.test('access needs the password', async (t) => {
  const harness = await startHarness(t, { workers: 0, receivers: 0 });

  t.test('without a login only health and the login form answer', async (t) => {
    const { app } = await startConsole(t, harness);
    for (const url of ['/livez', '/readyz', '/metrics', '/login'])
      t.equal((await app.inject(url)).statusCode, 200, url);

    for (const url of ['/', '/queues', '/queues/', '/queues/queue/stripe', '/queues/static/js/', '/nope']) {
      const { statusCode, headers } = await app.inject({ url, headers: browser });
      t.match({ statusCode, location: headers.location }, { statusCode: 303, location: '/login' }, url);
      t.match(await app.inject(url), { statusCode: 401 }, `${url} for a program`);
    }
    for (const [method, url] of [
      ['GET', '/queues/api/queues'],
      ['GET', '/queues/api/queues/stripe/evt_1'],
      ['GET', '/queues/api/redis/stats'],
      ['GET', '/queues//api/queues'],
      ['GET', '/queues/../queues/api/queues'],
      ['GET', '/%71ueues/api/queues'],
      ['PUT', '/queues/api/queues/stripe/obliterate'],
      ['POST', '/logout'],
    ] as const) {
      const refused = await app.inject({ method, url });
      t.equal(refused.statusCode, 401, `${method} ${url}`);
      t.match(refused.headers, {
        'content-type': /^application\/problem\+json/,
        'www-authenticate': /^Basic realm=/,
      });
      t.equal(refused.json().code, 'login_required');
    }
    const api = await app.inject({ url: '/queues/api/queues', headers: browser });
    t.equal(api.statusCode, 401, 'the API never redirects');
  });

  t.test('the login form takes only the right password, and other sites cannot use its cookie', async (t) => {
    const { app, clock, logs } = await startConsole(t, harness);
    const form = await app.inject('/login');
    t.match(form.headers, {
      'content-security-policy': /default-src 'none'.*frame-ancestors 'none'/,
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    t.notMatch(form.body, /https?:/, 'nothing comes from elsewhere');

    for (const wrong of ['', 'admin', `${password} `, password.toUpperCase()]) {
      const refused = await signIn(app, wrong);
      t.equal(refused.statusCode, 401);
      t.match(refused.body, /role="alert"/);
      t.notOk(refused.headers['set-cookie']);
    }
    const otherUser = await signIn(app, password, {
      payload: new URLSearchParams({ username: 'root', password }).toString(),
    });
    t.equal(otherUser.statusCode, 401);

    const entered = await signIn(app, password);
    t.match({ ...entered.headers, status: entered.statusCode }, { status: 303, location: '/' });
    const [cookie] = entered.cookies;
    t.match(cookie, { httpOnly: true, sameSite: 'Strict', path: '/', maxAge: 12 * 3_600 });
    t.notOk(cookie?.secure);
    const https = await signIn(app, password, { headers: { 'x-forwarded-proto': 'https' } });
    t.equal(https.cookies[0]?.secure, true);

    const token = cookie?.value ?? '';
    const seen = async (value: string) =>
      (await app.inject({ url: '/queues/api/queues', cookies: { semel_session: value } })).statusCode;
    t.equal(await seen(token), 200);
    const home = await app.inject({ url: '/', cookies: { semel_session: token } });
    t.match(home.body, 'href="/queues"');

    const [expires = '', signature = ''] = token.split('.');
    t.equal(await seen(`${Number(expires) + hourMs}.${signature}`), 401, 'another end');
    t.equal(await seen(`${expires}.${[...signature].reverse().join('')}`), 401, 'another signature');
    t.equal(await seen(`${expires}.`), 401);
    t.equal(await seen(expires), 401);
    clock.ms += 12 * hourMs - 1;
    t.equal(await seen(token), 200);
    clock.ms += 1;
    t.equal(await seen(token), 401, 'twelve hours later');

    const out = await app.inject({
      method: 'POST',
      url: '/logout',
      cookies: { semel_session: (await signIn(app, password)).cookies[0]?.value ?? '' },
    });
    t.match(out.headers, { location: '/login', 'set-cookie': /^semel_session=;/ });
    t.notOk(logs.some((line) => line.includes('pass:phrase') || line.includes(signature)));
  });

  t.test('another password, or another key, ends the sessions', async (t) => {
    const { app } = await startConsole(t, harness);
    const token = (await signIn(app, password)).cookies[0]?.value ?? '';
    for (const changed of [
      { password: 'changed password' },
      { encryptionKey: encryptionKey(Buffer.alloc(32, 'other')), password },
    ]) {
      const other = await openConsole(t, harness, changed);
      const { statusCode } = await other.inject({ url: '/queues', cookies: { semel_session: token } });
      t.equal(statusCode, 401);
    }
  });

  t.test('HTTP Basic opens the queue pages and nothing else', async (t) => {
    const { app } = await startConsole(t, harness);
    t.equal((await as(app, 'GET', '/queues')).statusCode, 200);
    t.equal((await as(app, 'GET', '/queues/api/queues')).statusCode, 200);
    t.equal((await as(app, 'GET', '/')).statusCode, 401);
    for (const authorization of [
      'Basic',
      'Basic !',
      'Basic YWRtaW4=',
      `Bearer ${password}`,
      `${basic.slice(0, -8)}`,
    ]) {
      const refused = await app.inject({ url: '/queues', headers: { ...browser, authorization } });
      t.equal(refused.statusCode, 401, authorization);
    }
  });

  t.test('wrong passwords are throttled', async (t) => {
    const { app, clock } = await startConsole(t, harness);
    const cookie = (await signIn(app, password)).cookies[0]?.value ?? '';
    for (let i = 0; i < 5; i++) {
      t.equal((await signIn(app, `guess ${i}`)).statusCode, 401);
      const authorization = `Basic ${Buffer.from(`admin:guess ${i}`).toString('base64')}`;
      t.equal((await app.inject({ url: '/queues', headers: { authorization } })).statusCode, 401);
    }
    const limited = await signIn(app, password);
    t.equal(limited.statusCode, 429, 'even with the right password');
    const seconds = Number(limited.headers['retry-after']);
    t.ok(seconds > 50 && seconds <= 60);
    const limitedBasic = await as(app, 'GET', '/queues');
    t.match(
      { ...limitedBasic.json(), type: limitedBasic.headers['content-type'] },
      { code: 'rate_limited', type: /problem\+json/ },
    );
    t.equal((await signIn(app, password, { remoteAddress: '192.0.2.7' })).statusCode, 303, 'elsewhere');
    const inside = await app.inject({ url: '/queues', cookies: { semel_session: cookie } });
    t.equal(inside.statusCode, 200, 'who is in stays in');
    clock.ms += 60_000;
    t.equal((await signIn(app, password)).statusCode, 303);

    for (let i = 0; i < 10; i++)
      await signIn(app, 'guess', { remoteAddress: `2001:db8:0:1:${i.toString(16)}::1` });
    const sameNetwork = await signIn(app, password, { remoteAddress: '2001:db8:0:1::ffff' });
    t.equal(sameNetwork.statusCode, 429, 'an IPv6 network counts as one');
    const otherNetwork = await signIn(app, password, { remoteAddress: '2001:db8:0:2::1' });
    t.equal(otherNetwork.statusCode, 303);
  });

  t.test('another site can neither log in nor log out', async (t) => {
    const { app } = await startConsole(t, harness);
    const from = async (headers: Record<string, string>) =>
      (await signIn(app, password, { headers: { host: 'console.test:8082', ...headers } })).statusCode;
    t.equal(await from({ origin: 'http://console.test:8082' }), 303);
    t.equal(await from({ origin: 'https://evil.test' }), 403);
    t.equal(await from({ origin: 'null' }), 403);
    t.equal(await from({ 'sec-fetch-site': 'cross-site' }), 403);
    t.equal(await from({ 'sec-fetch-site': 'same-site', origin: 'http://console.test:8082' }), 403);
    t.equal(await from({ 'sec-fetch-site': 'same-origin', origin: 'https://proxied.test' }), 303);
    const cookies = { semel_session: (await signIn(app, password)).cookies[0]?.value ?? '' };
    const headers = { origin: 'https://evil.test' };
    t.equal((await app.inject({ method: 'POST', url: '/logout', cookies, headers })).statusCode, 403);
  });
});

t.test('the queues are read-only, and shown without event contents', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const { app } = await startConsole(t, harness);
  const firm = await harness.addFirm();
  const twilio = await harness.addEndpoint('twilio', firm);
  const account = `AC${'5'.repeat(32)}`;
  const overrides = { Body: words, From: `+1${phone}` };
  const { body, channel } = harness.buildBody(twilio, 'inbound', { overrides, account });
  const { eventId } = identityOf(twilio.provider, body, channel);
  t.equal((await harness.send(twilio, 'inbound', { body })).outcome, 'accepted');

  // The worker never leaves this behind, but BullMQ or a bug might.
  const queue = openQueue(harness.redis, 'twilio');
  const quarantine = openQueue(harness.redis, quarantineQueueName);
  t.teardown(async () => void (await Promise.all([queue.close(), quarantine.close()])));
  const waiting = await queue.getJob(eventId);
  t.match(JSON.stringify(waiting), words, 'the job itself has the body');
  await queue.add('inbound', { ...waiting?.data, surprise: words }, { jobId: 'SMfailed', delay: 600_000 });
  const key = `{semel:twilio}:twilio:SMfailed`;
  await harness.redis.hset(key, {
    failedReason: `cannot read ${words}`,
    stacktrace: JSON.stringify([`Error: ${words}\n    at ${phone}`]),
    returnvalue: JSON.stringify({ said: words }),
    progress: JSON.stringify({ said: words }),
    pb: words,
    defa: words,
  });
  await queue.addJobLog('SMfailed', `log of ${words}`);
  await queue.upsertJobScheduler('odd', { every: hourMs }, { name: 'odd', data: { said: words } });
  await quarantine.add(
    'account_unknown',
    { event: { ...waiting?.data, firmId: null }, reason: 'account_unknown' },
    { jobId: 'set-aside' },
  );

  t.test('no response contains a body, an account, a phone number or an error text', async (t) => {
    const answers: string[] = [];
    const read = async (path: string) => {
      const answer = await as(app, 'GET', `/queues${path}`);
      t.equal(answer.statusCode, 200, path);
      answers.push(`${path} ${answer.body} ${JSON.stringify(answer.headers)}`);
      return answer;
    };
    await read('');
    const { queues } = (await read('/api/queues?activeQueue=twilio&jobsPerPage=1000')).json();
    t.same(
      queues.map(({ name }: { name: string }) => name),
      [...providers.map(({ name }) => name), 'quarantine', 'outbox'],
    );
    for (const shown of queues)
      t.match(shown, { readOnlyMode: true, allowRetries: false, allowCompletedRetries: false });
    for (const status of ['latest', 'waiting', 'delayed', 'failed', 'completed', 'active'])
      await read(`/api/queues?activeQueue=twilio&status=${status}`);
    await read('/api/queues?activeQueue=quarantine');
    for (const path of [`twilio/${eventId}`, 'twilio/SMfailed', 'quarantine/set-aside']) {
      await read(`/api/queues/${path}`);
      await read(`/api/queues/${path}/logs`);
      await read(`/api/queues/${path}/flow`);
    }
    for (const part of ['metrics', 'default-job-options', 'workers', 'rate-limit', 'job-data-schema'])
      await read(`/api/queues/twilio/${part}`);
    await read('/api/job-schedulers');
    await read('/api/redis/stats');
    for (const answer of answers)
      for (const secret of [words, phone, account, harness.redisServer.url])
        t.notOk(answer.includes(secret), `no secret in ${answer.split(' ')[0]}`);

    const { job } = (await as(app, 'GET', `/queues/api/queues/twilio/${eventId}`)).json();
    t.strictSame(Object.keys(job.data).sort(), [
      'bytes',
      'endpointId',
      'eventId',
      'firmId',
      'provider',
      'receivedAt',
      'sha256',
      'type',
    ]);
    t.match(job.data, { provider: 'twilio', eventId, type: 'inbound', firmId: firm, endpointId: twilio.id });
    t.equal(job.data.bytes, body.length);
    const failed = (await as(app, 'GET', '/queues/api/queues/twilio/SMfailed')).json();
    t.match(failed.job, { failedReason: /^unexpected error/, stacktrace: [], returnValue: null });
    const aside = (await as(app, 'GET', '/queues/api/queues/quarantine/set-aside')).json();
    t.match(aside.job.data, { reason: 'account_unknown', eventId, firmId: null });
  });

  t.test('the page loads nothing from other hosts', async (t) => {
    const page = await as(app, 'GET', '/queues/');
    t.match(page.headers['content-security-policy'], /default-src 'self'.*frame-ancestors 'none'/);
    t.notMatch(page.body, 'googleapis');
    for (const [, path = ''] of page.body.matchAll(/(?:src|href)="(static\/[^"]+)"/g))
      t.equal((await as(app, 'GET', `/queues/${path}`)).statusCode, 200, path);
  });

  t.test('nothing can be changed', async (t) => {
    const snapshot = async () => {
      const keys = (await harness.redis.keys('*')).sort();
      return Promise.all(keys.map(async (name) => [name, await harness.redis.dumpBuffer(name)]));
    };
    const before = await snapshot();
    const job = `/queues/api/queues/twilio/${eventId}`;
    for (const [method, url, payload] of [
      ['PUT', '/queues/api/queues/pause'],
      ['PUT', '/queues/api/queues/resume'],
      ['POST', '/queues/api/queues/twilio/add', { name: 'x', data: {}, options: {} }],
      ['PUT', '/queues/api/queues/twilio/retry/failed'],
      ['PUT', '/queues/api/queues/twilio/promote'],
      ['PUT', '/queues/api/queues/twilio/clean/waiting'],
      ['PUT', '/queues/api/queues/twilio/pause'],
      ['PUT', '/queues/api/queues/twilio/resume'],
      ['PUT', '/queues/api/queues/twilio/empty'],
      ['PUT', '/queues/api/queues/twilio/concurrency', { concurrency: 1 }],
      ['PUT', '/queues/api/queues/twilio/rate-limit', { max: 1, duration: 1000 }],
      ['PUT', '/queues/api/queues/twilio/obliterate', { force: true }],
      ['PUT', '/queues/api/queues/twilio/job-schedulers/odd/remove'],
      ['PUT', '/queues/api/queues/twilio/job-schedulers/odd/run'],
      ['PUT', `${job}/retry`],
      ['PUT', `${job}/clean`],
      ['PUT', `${job}/promote`],
      ['PATCH', `${job}/update-data`, { jobData: {} }],
      ['PATCH', `${job}/delay`, { delay: 1 }],
    ] as const) {
      const refused = await as(app, method, url, payload);
      t.equal(refused.statusCode, 405, `${method} ${url}`);
      t.equal(refused.json().code, 'read_only');
      t.equal(refused.headers.allow, 'GET, HEAD');
    }
    for (const method of ['DELETE', 'POST'])
      t.ok((await as(app, method, job)).statusCode >= 400, `${method} is nothing`);
    t.strictSame(await snapshot(), before, 'not one byte in Redis is different');
  });
});

t.test('it starts while Redis is unreachable, answers meanwhile, and recovers', async (t) => {
  const harness = await startHarness(t, { workers: 0, receivers: 0 });
  const port = await freePort();
  const { app, logs } = await startConsole(t, harness, `redis://127.0.0.1:${port}`);
  const took = async (url: string) => {
    const start = performance.now();
    const { statusCode, body } = await as(app, 'GET', url);
    return { statusCode, body, inTime: performance.now() - start < 3_000 };
  };
  t.match(await took('/readyz'), { statusCode: 503, inTime: true });
  t.match(await took('/metrics'), { statusCode: 200, inTime: true, body: /^webhook_quarantine_rows 0$/m });
  t.match(await took('/queues'), { statusCode: 200, inTime: true });
  t.match(await took('/queues/api/queues'), { statusCode: 503, inTime: true });
  t.notMatch((await took('/queues/api/queues')).body, /stream|offline|127/i);

  const says = (event: string) =>
    waitUntil(() => logs.some((line) => line.includes(event)), { what: `it says ${event}` });
  await says('gauges.failed');
  const redis = await startRedis({ port });
  t.teardown(() => redis.stop());
  await waitUntil(async () => (await took('/readyz')).statusCode === 200, { what: 'it is ready' });
  await waitUntil(async () => (await took('/queues/api/queues')).statusCode === 200, {
    what: 'the queues are there',
  });
  await says('gauges.recovered');

  await redis.kill('SIGSTOP');
  t.match(await took('/metrics'), { statusCode: 200, inTime: true });
  t.match(await took('/readyz'), { statusCode: 503, inTime: true });
  await redis.kill('SIGCONT');
  await waitUntil(async () => (await took('/readyz')).statusCode === 200, { what: 'it is ready again' });
});

t.test('it starts while both stores are unreachable, and stops when asked', async (t) => {
  const port = await freePort();
  const env = {
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
    REDIS_URL: 'redis://127.0.0.1:2',
    SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
    ...testPasswordEnv,
    SEMEL_DATA_DIR: t.testdir(),
    CONSOLE_PORT: String(port),
  };
  await t.rejects(startApp('console', env), /CONSOLE_PASSWORD is not set/);
  const app = await startApp('console', { ...env, CONSOLE_PASSWORD: password });
  t.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200);
  t.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 503);
  t.equal((await fetch(`http://127.0.0.1:${port}/queues`)).status, 401);
  t.equal(await app.stop(), 0);
});
