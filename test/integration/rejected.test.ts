import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { type Provider, reservedEventIds } from '@semel/core';
import { providers } from '@semel/providers';
import t, { type Test } from 'tap';
import {
  type Harness,
  identityOf,
  mainTypeOf,
  type SendOptions,
  type Sent,
  startHarness,
  type TestEndpoint,
} from '../support/harness.js';
import { signatureHeaderOf } from '../support/identity-of.js';
import { freePort, waitUntil } from '../support/servers.js';

// A request that is not authentic leaves nothing but a count; a store outage is never answered with a 4xx.

/** True if the event id comes from the body. */
function namesEvent(provider: Provider): boolean {
  try {
    identityOf(provider, Buffer.from('{}'), null);
    return false;
  } catch {
    return true;
  }
}

/** Every row of every table and every Redis key, as text to compare; without the summed history and endpoint health. */
async function stores(harness: Harness) {
  const tables = await harness.sql<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
     AND relname NOT IN ('webhook_deliveries', 'webhook_endpoint_health') ORDER BY 1`,
  );
  const seen: Record<string, unknown> = {};
  for (const { name } of tables)
    seen[name] = (
      await harness.sql(`SELECT count(*), md5(string_agg(r::text, '' ORDER BY r::text)) FROM ${name} r`)
    )[0];
  for (const key of (await harness.redis.keys('*')).sort())
    seen[key] = (await harness.redis.dumpBuffer(key))?.toString('base64');
  return seen;
}

const sums = (harness: Harness) =>
  harness.sql<{ code: string; event_id: string | null; endpoint_id: string | null; count: number }>(
    `SELECT provider, outcome, code, event_id, endpoint_id, count::int FROM webhook_deliveries
     WHERE outcome = 'rejected' ORDER BY provider, code`,
  );

/** An RFC 9457 problem document with a code and no details. */
function assertProblem(t: Test, sent: Sent, status: number, code: string, secrets: string[] = []) {
  t.equal(sent.status, status, code);
  t.equal(sent.code, code);
  t.match(sent.headers.get('content-type'), /^application\/problem\+json/);
  t.equal(sent.outcome, status === 503 ? 'unavailable' : 'rejected');
  t.equal(sent.headers.has('retry-after'), status === 503 || status === 429, 'Retry-After where it helps');
  t.notMatch(sent.text, /stack|postgres|redis|ECONN|\bat \//i, 'nothing from inside');
  for (const secret of secrets) t.notOk(sent.text.includes(secret), 'no secret and no body');
  t.match(JSON.parse(sent.text), { status, code, title: String });
}

t.test('a refused request leaves nothing but a count', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const firm = await harness.addFirm();

  for (const provider of providers) {
    const { name } = provider;
    const type = mainTypeOf(provider).type;
    const header = signatureHeaderOf(provider);

    t.test(`${name}: wrong signatures`, async (t) => {
      const endpoint = await harness.addEndpoint(name, firm);
      const other = await harness.addEndpoint(name, await harness.addFirm());
      const change = (how: (value: string) => string): SendOptions => ({
        tamper: ({ headers }) => Object.assign(headers, { [header]: how(headers[header] ?? '') }),
      });
      const set = (value: string) => change(() => value);
      const forged: Record<string, SendOptions> = {
        'of another firm': { secret: other.secret },
        'with an empty secret': { secret: '\0' },
        missing: { tamper: ({ headers }) => void delete headers[header] },
        empty: set(''),
        rubbish: set('\u00ff,;=='),
        huge: set('a'.repeat(10_000)),
        'cut short': change((value) => value.slice(0, -2)),
        'in capitals': change((value) => value.toUpperCase()),
        'over another body': {
          tamper: (request) =>
            Object.assign(request, { body: Buffer.from(request.body.toString().replace(/\d(?=\D*$)/, 'x')) }),
        },
        ...(name === 'stripe'
          ? {
              'too old': change((value) => value.replace(/t=(\d+)/, (_, s) => `t=${Number(s) - 301}`)),
              'without a time': change((value) => value.replace(/t=\d+,/, '')),
              'of an old scheme': change((value) => value.replace('v1=', 'v0=')),
            }
          : {}),
      };
      await waitUntil(async () => (await harness.send(endpoint, type)).status === 200, {
        what: 'it is known',
      });
      const before = await stores(harness);
      for (const [what, options] of Object.entries(forged)) {
        const { body } = harness.buildBody(endpoint, type);
        const sent = await harness.send(endpoint, type, { body, ...options });
        t.equal(sent.code, 'signature_invalid', what);
        assertProblem(t, sent, 401, 'signature_invalid', [endpoint.secret, body.toString().slice(0, 200)]);
      }
      await waitUntil(
        async () =>
          (await sums(harness)).find((sum) => sum.endpoint_id === endpoint.id)?.count ===
          Object.keys(forged).length,
        { what: 'they are counted' },
      );
      t.strictSame(await stores(harness), before, 'both stores are as they were');
      t.match(
        (await sums(harness)).filter((sum) => sum.endpoint_id === endpoint.id),
        [
          {
            outcome: 'rejected',
            code: 'signature_invalid',
            event_id: null,
            count: Object.keys(forged).length,
          },
        ],
        'in one row, without an event',
      );
    });

    const skip = namesEvent(provider)
      ? false
      : 'the event is named by a header, and its body may be anything';
    t.test(`${name}: a valid signature over a body that is not an event`, { skip }, async (t) => {
      const endpoint = await harness.addEndpoint(name, firm);
      await waitUntil(async () => (await harness.send(endpoint, type)).status === 200, {
        what: 'it is known',
      });
      const before = await stores(harness);
      const bodies: Record<string, Buffer> = {
        rubbish: Buffer.from('rubbish'),
        'an empty object': Buffer.from('{}'),
        'a list': Buffer.from('[1]'),
        null: Buffer.from('null'),
        'half of it': Buffer.from('{"id":"evt_1","type":"x'),
      };
      for (const [what, body] of Object.entries(bodies)) {
        const sent = await harness.send(endpoint, type, { body });
        t.equal(sent.code, 'malformed', what);
        assertProblem(t, sent, 400, 'malformed');
      }
      const empty = await harness.send(endpoint, type, { body: Buffer.alloc(0) });
      t.ok(['malformed', 'signature_invalid'].includes(empty.code ?? ''), 'empty');
      for (const id of oddIds()) {
        const sent = await harness.send(endpoint, type, { overrides: withId(name, id) });
        t.equal(sent.code, 'malformed', `event id ${JSON.stringify(id.slice(0, 40))}`);
        t.equal(sent.status, 400);
      }
      t.strictSame(await stores(harness), before, 'both stores are as they were');
    });

    t.test(`${name}: bodies too large, compressed or truncated`, async (t) => {
      const endpoint = await harness.addEndpoint(name, firm);
      await waitUntil(async () => (await harness.send(endpoint, type)).status === 200, {
        what: 'it is known',
      });
      const before = await stores(harness);
      const route = provider.routes.find(
        ({ channel }) => channel === harness.buildBody(endpoint, type).channel,
      );
      const url = `${harness.urls[0]}/webhooks/${name}/${endpoint.key}${route?.path}`;
      const limit = provider.bodyLimitBytes;
      for (const how of ['length', 'chunked'] as const)
        assertProblem(t, await post(url, Buffer.alloc(limit + 1, 'a'), how), 413, 'too_large');

      for (const encoding of ['gzip', 'br', 'identity, gzip', 'x'])
        assertProblem(
          t,
          await harness.send(endpoint, type, {
            tamper: ({ headers }) => Object.assign(headers, { 'content-encoding': encoding }),
          }),
          415,
          'unsupported_encoding',
        );

      const { body } = harness.buildBody(endpoint, type);
      const { hostname, port, pathname } = new URL(url);
      for (const rest of ['content-length: 2000', 'transfer-encoding: chunked']) {
        const socket = connect(Number(port), hostname);
        await once(socket, 'connect');
        const start = rest.startsWith('t') ? `${(100).toString(16)}\r\n` : '';
        socket.write(`POST ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\n${rest}\r\n\r\n${start}`);
        socket.write(body.subarray(0, 100));
        await new Promise((resolve) => setTimeout(resolve, 50));
        socket.destroy();
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      t.strictSame(await stores(harness), before, 'both stores are as they were');
      t.equal((await harness.send(endpoint, type)).outcome, 'accepted', 'and the receiver goes on');
    });
  }

  t.test('unknown addresses', async (t) => {
    const known = await harness.addEndpoint('stripe', firm);
    await waitUntil(async () => (await harness.send(known, 'invoice.paid')).status === 200, {
      what: 'it is known',
    });
    const before = await stores(harness);
    const key = randomBytes(11).toString('hex');
    for (const provider of providers) {
      const route = provider.routes[0]?.path ?? '';
      for (const wrong of [key, `${key}x`, '__proto__', '%00', "'", 'a'.repeat(200)])
        assertProblem(
          t,
          await post(`${harness.urls[0]}/webhooks/${provider.name}/${wrong}${route}`, Buffer.from('{}')),
          404,
          'unknown_endpoint',
        );
    }
    // Addresses of an unknown provider, of another provider's endpoint, and malformed ones.
    for (const path of [
      `/webhooks/paypal/${known.key}`,
      `/webhooks/square/${known.key}`,
      `/webhooks/stripe/${known.key}/status`,
      `/webhooks/twilio/${known.key}`,
      '/webhooks/stripe/',
      '/webhooks/stripe/%zz',
      `/webhooks/stripe/${'a'.repeat(1_000)}`,
      '/',
    ])
      assertProblem(t, await post(harness.urls[0] + path, Buffer.from('{}')), 404, 'unknown_endpoint');
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const response = await fetch(`${harness.urls[0]}/webhooks/stripe/${known.key}`, { method });
      t.ok(response.status >= 400 && response.status < 500, method);
      t.equal(response.headers.get('x-webhook-outcome'), 'rejected');
      t.match(response.headers.get('content-type'), /^application\/problem\+json/);
    }
    await waitUntil(
      async () =>
        (await sums(harness)).filter(
          ({ code, endpoint_id: id }) => code === 'unknown_endpoint' && id === null,
        ).length === providers.length,
      { what: 'unknown endpoints are counted in one row per provider' },
    );
    t.strictSame(await stores(harness), before, 'both stores are as they were');
  });

  t.test('the queues still work afterwards', async (t) => {
    await harness.startWorker();
    for (const provider of providers) {
      const endpoint = await harness.addEndpoint(provider.name, firm);
      const { body, channel } = harness.buildBody(endpoint, mainTypeOf(provider).type);
      t.equal((await harness.send(endpoint, mainTypeOf(provider).type, { body })).outcome, 'accepted');
      await harness.applied(provider, identityOf(provider, body, channel, endpoint).eventId);
    }
  });
});

const oddIds = () => [
  ...reservedEventIds,
  'a:b',
  'evt_a:b',
  '1',
  '1234567890',
  'evt_\0',
  'evt_\ud800',
  'evt_1 2',
  'evt_1\n',
  '0:1',
  `evt_${'a'.repeat(5_000)}`,
  '../../evt_1',
  'evt_1~firm',
];

/** DocuSign's ids are derived, so this varies the fields that they are derived from. */
function withId(provider: string, id: string): Record<string, unknown> {
  if (provider === 'stripe') return { $event: { id } };
  if (provider === 'square') return { $event: { event_id: id } };
  if (provider === 'docusign') return id.length > 200 ? { envelopeId: id } : { envelopeId: { id } };
  return { id };
}

/** By hand: `fetch` always sends a content length, and fails if the answer comes before the end of the body. */
function post(url: string, body: Buffer, how: 'length' | 'chunked' = 'length'): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const headers = how === 'length' ? { 'content-length': body.length } : { 'transfer-encoding': 'chunked' };
    const request = httpRequest(url, { method: 'POST', headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const answered = new Headers();
        for (const [name, value] of Object.entries(response.headers)) answered.set(name, String(value));
        const json = text.startsWith('{') ? JSON.parse(text) : {};
        resolve({
          status: response.statusCode ?? 0,
          outcome: answered.get('x-webhook-outcome'),
          eventId: json.eventId ?? '',
          code: json.code ?? null,
          text,
          headers: answered,
        });
      });
    });
    let answered = false;
    request.on('response', () => {
      answered = true;
    });
    request.on('error', (error) => !answered && reject(error));
    for (let i = 0; i < body.length; i += 65_536) request.write(body.subarray(i, i + 65_536));
    request.end();
  });
}

/** A proxy before Postgres that can cut all connections at once. */
async function startProxy(t: Test, target: string) {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let open = true;
  const server = createServer((near) => {
    if (!open) return near.destroy();
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  const ownPort = await freePort();
  server.listen(ownPort, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    open = false;
    for (const socket of sockets) socket.destroy();
  };
  t.teardown(() => {
    cut();
    server.close();
  });
  const url = new URL(target);
  url.port = String(ownPort);
  url.hostname = '127.0.0.1';
  return {
    url: url.href,
    cut,
    mend: () => {
      open = true;
    },
  };
}

t.test('Postgres is unreachable', async (t) => {
  let proxy: Awaited<ReturnType<typeof startProxy>> | undefined;
  const harness = await startHarness(t, {
    budgetMs: 2_000,
    receivers: 0,
    workers: 0,
    databaseUrl: async (own) => {
      proxy = await startProxy(t, own);
      proxy.cut();
      return proxy.url;
    },
  });
  const postgres = proxy as Awaited<ReturnType<typeof startProxy>>;
  const waitingJobs = async () =>
    (await harness.redis.keys('{semel:quarantine}:quarantine:*~*')).filter((key) => !key.endsWith(':lock'));
  const firm = await harness.addFirm();
  const rival = await harness.addFirm();
  const endpoints: TestEndpoint[] = [];
  for (const { name } of providers) endpoints.push(await harness.addEndpoint(name, firm));
  await harness.startReceiver();

  t.test('at the start: 503 and never 404, then recovery by itself', async (t) => {
    for (const endpoint of endpoints)
      assertProblem(t, await harness.send(endpoint, mainTypeOf(endpoint.provider).type), 503, 'unavailable');
    postgres.mend();
    await waitUntil(
      async () => (await harness.send(endpoints[0] as TestEndpoint, 'invoice.paid')).outcome === 'accepted',
      { what: 'the receiver works' },
    );
    await harness.startWorker();
  });

  t.test('after the start: known endpoints still accept, unknown ones get 503 instead of 404', async (t) => {
    const foreign = await harness.addEndpoint('stripe', rival);
    const platform = await harness.addEndpoint('square', null);
    const first = await harness.send(endpoints[0] as TestEndpoint, 'invoice.paid');
    await waitUntil(async () => (await harness.send(platform, 'payment.created')).status === 200, {
      what: 'known',
    });
    postgres.cut();

    const accepted: { endpoint: TestEndpoint; eventId: string; body: Buffer }[] = [];
    for (const endpoint of endpoints)
      for (const bytes of [0, 200_000]) {
        const padding = 'x'.repeat(bytes);
        const overrides = endpoint.provider.name === 'twilio' ? { Body: padding } : { padding };
        const built = harness.buildBody(endpoint, mainTypeOf(endpoint.provider).type, { overrides });
        const sent = await harness.send(endpoint, mainTypeOf(endpoint.provider).type, { body: built.body });
        t.equal(sent.outcome, 'accepted', `${endpoint.provider.name} with ${built.body.length} bytes`);
        const { eventId } = identityOf(endpoint.provider, built.body, built.channel, endpoint);
        accepted.push({ endpoint, eventId, body: built.body });
      }
    const docusign = endpoints.find(({ provider }) => provider.name === 'docusign') as TestEndpoint;
    const large = { overrides: { padding: 'x'.repeat(1024 * 1024) } };
    assertProblem(t, await harness.send(docusign, 'envelope-completed', large), 503, 'unavailable');
    const unknown = { ...docusign, key: randomBytes(11).toString('hex') };
    assertProblem(t, await harness.send(unknown, 'envelope-completed'), 503, 'unavailable');

    const collision = { overrides: { $event: { id: first.eventId } } };
    const set = [
      await harness.send(foreign, 'invoice.paid', collision),
      await harness.send(foreign, 'invoice.paid', collision),
      await harness.send(platform, 'payment.created', { account: 'MLNOBODY' }),
    ];
    t.same(
      set.map(({ outcome }) => outcome),
      ['quarantined', 'quarantined', 'quarantined'],
    );
    t.equal((await waitingJobs()).length, 2, 'they wait in a queue of their own');

    postgres.mend();
    for (const { endpoint, eventId, body } of accepted) {
      const row = await harness.applied(endpoint.provider, eventId);
      t.ok(body.equals(row.event_raw as Buffer), 'the exact bytes');
      const { outcome } = mainTypeOf(endpoint.provider);
      t.same(await harness.attemptsOf(eventId), [{ outcome, error: null }], 'one attempt');
    }
    const rows = await waitUntil(
      async () => {
        const rows = await harness.sql(
          `SELECT event_id, firm_id, reason, endpoint_id FROM webhook_quarantine
           WHERE event_id = ANY ($1) ORDER BY reason`,
          [set.map(({ eventId }) => eventId)],
        );
        return rows.length === 2 ? rows : null;
      },
      { what: 'their rows are written' },
    );
    t.match(rows, [
      { reason: 'account_unknown', firm_id: null, endpoint_id: platform.id },
      { reason: 'owner_collision', firm_id: rival, endpoint_id: foreign.id, event_id: first.eventId },
    ]);
    await waitUntil(async () => (await waitingJobs()).length === 0, {
      what: 'the queue is empty',
    });
    t.equal(
      (await harness.send(docusign, 'envelope-completed', large)).status,
      200,
      'large bodies are taken again',
    );
  });
});

t.test('an invalid HTTP request gets a problem document, and the connection closes', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const { port, hostname } = new URL(harness.urls[0] as string);
  const socket = connect(Number(port), hostname);
  socket.end('POST /webhooks/stripe/x HTTP/1.1\r\nhost: a\r\ncontent-length: many\r\n\r\n{}');
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  t.match(answer, /^HTTP\/1\.1 400 /);
  t.match(answer, /content-type: application\/problem\+json/i);
  t.match(answer, /x-webhook-outcome: rejected/i);
  t.match(answer, /"code":"malformed"/);
});
