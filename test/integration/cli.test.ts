import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Provider } from '@semel/core';
import { defineHandler } from '@semel/handlers';
import { providerNamed, providers } from '@semel/providers';
import { claimKey } from '@semel/queue';
import t, { type Test } from 'tap';
import { jsonFailure, jsonValue, runSemel, startSemelHost } from '../support/cli.js';
import { mainTypeOf, startHarness } from '../support/harness.js';
import { startHookServer } from '../support/hook-server.js';
import {
  freePort,
  testEncryptionKey,
  testPasswordEnv,
  testPasswords,
  waitUntil,
} from '../support/servers.js';

t.setTimeout(240_000);

const scratch = mkdtempSync(join(tmpdir(), 'semel-cli-'));
const noDataDir = join(scratch, 'none');
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));

/** Notifies the destination that the invoice names, if any. */
const notifyErp = defineHandler('stripe', 'invoice.paid', async ({ event, outbox }) => {
  const { id, metadata } = event.data.object;
  if (metadata?.notify !== undefined)
    await outbox({ key: `invoice-paid:${id}`, to: metadata.notify, payload: { id, note: '\u001b[31mred' } });
});

let broken = false;
const harness = await startHarness(t, {
  attempts: 1,
  handlers: { handlers: [notifyErp], deliveries: [] },
  outbox: { allowPrivate: true, attempts: 1 },
  rule: (provider) => ({
    ...provider,
    changesOf(event, body) {
      if (broken) throw new Error('the rule is broken');
      return provider.changesOf(event, body);
    },
  }),
});
const encryptionKeyText = testEncryptionKey.toString('base64');
const env = {
  DATABASE_URL: harness.database.url,
  REDIS_URL: harness.redisServer.url,
  SEMEL_ENCRYPTION_KEY: encryptionKeyText,
  ...testPasswordEnv,
  SEMEL_DATA_DIR: noDataDir,
  PUBLIC_BASE_URL: 'https://hooks.example.test',
  RECEIVER_PORT: new URL(harness.urls[0] as string).port,
};

const secrets = new Map(providers.map((provider) => [provider.name, provider.newSecret()]));
const spare = 'whsec_rotated-in-later';
const printed: string[] = [];

const runWarm = startSemelHost(t);

interface RunOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** In a separate process, as with `input`. */
  alone?: true;
}

async function run(args: readonly string[], { input, env: changed, alone }: RunOptions = {}) {
  const options = { env: { ...env, ...changed }, ...(input === undefined ? {} : { input }) };
  const ran = await (alone || input !== undefined ? runSemel(args, options) : runWarm(args, options));
  printed.push(ran.stdout, ran.stderr);
  return ran;
}

const value = (args: readonly string[], options: RunOptions = {}) =>
  jsonValue((all) => run(all, options), args);
const failure = (args: readonly string[], options: RunOptions = {}) =>
  jsonFailure((all) => run(all, options), args);

const alone = { alone: true } as const;
const keys = new Map<string, string>();

t.test('firms are added and listed', async (t) => {
  t.match(await run(['firm', 'list']), { code: 0, stdout: 'There is no firm yet.\n', stderr: '' });
  t.match(await value(['firm', 'add', '--slug', 'acme', '--name', 'Acme LLP'], alone), {
    slug: 'acme',
    name: 'Acme LLP',
  });
  t.equal((await run(['firm', 'add', '--slug', 'birch', '--name', 'Birch \u001b[31mred'])).code, 0);
  t.match(await value(['firm', 'list']), [{ slug: 'acme' }, { slug: 'birch' }]);
  const { stdout } = await run(['firm', 'list']);
  t.match(stdout, /^SLUG +NAME +ADDED\nacme +Acme LLP +\d{4}-\d\d-\d\dT/);
  t.notMatch(stdout, '\u001b', 'no name colours the terminal');
  t.match(await failure(['firm', 'add', '--slug', 'acme', '--name', 'x']), { exit: 1, code: 'slug_taken' });
  t.match(await run(['firm', 'add', '--slug', 'A b', '--name', 'x']), {
    code: 2,
    stdout: '',
    stderr: /^slug_invalid: .* — use lower-case [^\n]*\n$/,
  });
});

t.test('endpoints are added, and their secrets are never shown again', async (t) => {
  for (const { name, routes } of providers) {
    const add = ['endpoint', 'add', '--provider', name, '--firm', 'acme', '--secret'];
    const secret = secrets.get(name) as string;
    const added = await (name === 'stripe'
      ? value([...add, '-'], { input: `${secret}\n` })
      : value([...add, secret]));
    t.strictSame(added, {
      key: added.key,
      path: `/webhooks/${name}/${added.key}${routes[0]?.path}`,
      paths: routes.map(({ path }) => `/webhooks/${name}/${added.key}${path}`),
    });
    keys.set(name, added.key);
  }
  const made = await run([
    ...['endpoint', 'add', '--provider', 'stripe', '--platform', '--key', 'platform'],
    ...['--secret', secrets.get('stripe') as string, spare, '--mode', 'test'],
  ]);
  t.match(made, { code: 0, stdout: /^key +platform\npath +\/webhooks\/stripe\/platform\n$/ });
  t.match(await value(['endpoint', 'list', '--provider', 'stripe']), [
    { firmSlug: 'acme', secretCount: 1, accounts: [] },
    { firmSlug: null, secretCount: 2, mode: 'test' },
  ]);
  t.match((await run(['endpoint', 'list'])).stdout, /stripe +platform +\(platform\) +test +any +2 +enabled/);

  t.match(await value(['endpoint', 'update', 'platform', '--no-mode', '--public-url', 'https://x.example']), {
    mode: null,
    publicUrl: 'https://x.example',
  });
  t.match(await value(['endpoint', 'update', 'platform', '--no-public-url', '--add-secret', spare]), {
    publicUrl: null,
    secretCount: 3,
  });

  const wrong = ['endpoint', 'add', '--provider', 'stripe', '--secret', 'whsec_x'];
  t.match(await failure(wrong), { exit: 2, code: 'usage_invalid', message: /--firm <slug> or --platform/ });
  t.match(await failure([...wrong, '--firm', 'nobody']), { exit: 1, code: 'firm_unknown' });
  t.match(await failure(['endpoint', 'add', '--provider', 'acme', '--platform', '--secret', 'x']), {
    exit: 2,
    code: 'provider_unknown',
    message: /stripe, square, docusign, twilio/,
  });
  t.match(await failure([...wrong, '--platform', '--secret', '-'], { input: '\n' }), {
    exit: 2,
    code: 'secret_missing',
  });
  t.match(await failure(['endpoint', 'update', 'platform']), { exit: 2, code: 'usage_invalid' });
  t.match(await failure(['endpoint', 'disable', 'nothing']), { exit: 1, code: 'endpoint_unknown' });
  const mistyped = await run([...wrong, '--platform', `--secrets=${spare}`]);
  t.match(mistyped, { code: 2, stdout: '', stderr: /^usage_invalid: unknown option [^\n]+\n$/ });
});

t.test('samples are signed as the provider does, and applied once each', async (t) => {
  t.match((await run(['send', '--list'])).stdout, /^twilio +inbound +A client wrote to us$/m);
  t.match(await value(['send', 'square', '--list']), [{ provider: 'square', type: 'payment.created' }]);

  for (const provider of providers) {
    const { type } = mainTypeOf(provider);
    const endpoint = ['--endpoint', keys.get(provider.name) as string];
    const sent = await value(
      ['send', provider.name, type, '--duplicates', '2', ...endpoint],
      provider.name === 'stripe' ? alone : {},
    );
    const [{ eventId }] = sent.events;
    const outcomes = { accepted: 1, duplicate: 2 };
    t.strictSame(sent, { sent: 3, outcomes, events: [{ eventId, outcomes }] }, provider.name);
    await harness.applied(provider, eventId);
    if (provider.name === 'stripe') await showEvent(t, provider, eventId);
  }

  // The only endpoint of its provider needs no name.
  const several = await run(['send', 'twilio', 'status:delivered', '--count', '3', '--rate', '50']);
  t.match(several, {
    code: 0,
    stderr: '',
    stdout: /^EVENT +OUTCOME +STATUS +CODE\n(\S+ +accepted +200 +-\n){3}\n3 sent: 3 accepted\n$/,
  });

  const file = join(scratch, 'data.json');
  writeFileSync(file, JSON.stringify({ id: 'in_mine', amount_due: 4200, $event: { id: 'evt_mine' } }));
  const mine = ['send', 'stripe', 'invoice.paid', '--endpoint', keys.get('stripe') as string, '--data'];
  t.match(await value([...mine, file]), { events: [{ eventId: 'evt_mine' }] });
  await harness.applied(providerNamed('stripe') as Provider, 'evt_mine');
  t.match((await value(['events', 'show', 'stripe', 'evt_mine'])).linked.invoice_id, {
    externalId: 'in_mine',
    amountDue: 4200,
  });
  t.match(await failure([...mine, '-'], { input: 'no' }), {
    exit: 2,
    code: 'usage_invalid',
    message: /not JSON/,
  });
  t.match(await failure([...mine, join(scratch, 'nothing')]), { exit: 2, message: /ENOENT/ });
});

t.test('a scenario is a whole life cycle, in order or shuffled', async (t) => {
  const play = ['send', 'docusign', '--story', 'envelope-signed'];
  t.match((await run(['send', '--list'])).stdout, /^docusign +envelope-signed +An envelope that two people/m);
  const played = await value(play);
  const length = played.events.length;
  t.ok(length > 3);
  t.strictSame(played.outcomes, { accepted: length });
  const docusign = providerNamed('docusign') as Provider;
  const statuses = async (events: { eventId: string }[]) => {
    for (const { eventId } of events)
      await waitUntil(async () => (await harness.attemptsOf(eventId)).length > 0, { what: 'it is applied' });
    const { eventId } = events.at(-1) as { eventId: string };
    const [row] = await harness.sql<{ status: string }>(
      `SELECT e.status FROM ${docusign.ledger.table} l JOIN esignature_envelopes e ON e.id = l.envelope_id
       WHERE l.event_id = $1`,
      [eventId],
    );
    return row?.status;
  };
  t.equal(await statuses(played.events), 'completed');

  const mixed = await value([...play, '--shuffle', '--duplicates', '1', '--count', '2']);
  t.strictSame(mixed.outcomes, { accepted: 2 * length, duplicate: 2 * length });
  t.equal(await statuses(mixed.events), 'completed', 'each life ends as it should');
  t.match((await run([...play, '--seed', String(mixed.seed)])).stdout, `seed ${mixed.seed}: --seed`);

  for (const args of [
    [...play, 'envelope-sent'],
    ['send', 'docusign', 'envelope-sent', '--shuffle'],
  ])
    t.match(await failure(args), { exit: 2, code: 'usage_invalid' });
  t.match(await failure(['send', 'docusign', '--story', 'x']), {
    code: 'story_unknown',
    message: /envelope-signed/,
  });
});

async function showEvent(t: Test, provider: Provider, eventId: string) {
  await waitUntil(async () => (await harness.applied(provider, eventId)).duplicate_count === '2', {
    what: 'the ledger row knows of its duplicates',
  });
  const { name } = provider;
  t.match(await value(['events', 'list', '--provider', name, '--firm', 'acme', '--since', '1h']), [
    { provider: name, eventId, firmSlug: 'acme', outcome: 'applied', duplicateCount: 2 },
  ]);
  t.match((await run(['events', 'list', '--outcome', 'applied'])).stdout, eventId);
  t.match((await run(['events', 'list', '--outcome', 'dead'])).stdout, 'There is no such event.');
  t.match(await value(['events', 'show', name, eventId]), {
    event: { eventId, firmSlug: 'acme', eventRawEncoding: 'utf8' },
    linked: { invoice_id: { status: 'paid' } },
    deliveries: [{ outcome: 'duplicate', count: 2 }],
    attempts: [{ outcome: 'applied' }],
    changes: [{ entityType: 'invoice' }],
    quarantined: [],
  });
  const shown = await run(['events', 'show', name, eventId, '--body']);
  t.match(shown.stdout, /^Changes\n {2}appliedAt +entityType/m);
  t.match(shown.stdout, /^Body \(utf8\)\n {2}\{"id"/m);
}

t.test('send reports deliveries that failed', async (t) => {
  t.match(await failure(['send', 'stripe', 'invoice.paid']), {
    exit: 1,
    code: 'endpoint_ambiguous',
    message: new RegExp(`${keys.get('stripe')} \\(acme\\), platform \\(platform\\)`),
  });
  t.match(await failure(['send', 'stripe', 'invoice.lost']), {
    exit: 2,
    code: 'type_unknown',
    message: /invoice\.paid/,
  });
  t.match(await failure(['send', 'acme', 'x']), { exit: 2, code: 'provider_unknown', message: /docusign/ });
  t.match(await failure(['send', 'stripe']), { exit: 2, code: 'usage_invalid' });
  t.match(await failure(['send', 'square', 'payment.created', '--rate', '0']), {
    exit: 2,
    message: /above 0/,
  });

  const port = await freePort();
  t.match(await failure(['send', 'square', 'payment.created', '--url', `http://127.0.0.1:${port}`]), {
    exit: 1,
    code: 'receiver_unreachable',
    message: new RegExp(`127.0.0.1:${port} \\(ECONNREFUSED\\)`),
  });
  const elsewhere = { PUBLIC_BASE_URL: 'https://elsewhere.example' };
  const refused = await run(['send', 'square', 'payment.created', '--json'], { env: elsewhere });
  t.equal(refused.code, 1);
  t.match(JSON.parse(refused.stdout), { sent: 1, outcomes: { rejected: 1 } });
  t.match(JSON.parse(refused.stderr).error, {
    code: 'delivery_refused',
    message: /1 401 signature_invalid — .*PUBLIC_BASE_URL/,
  });

  const key = keys.get('docusign') as string;
  t.match(await value(['endpoint', 'disable', key]), { key });
  t.match(await failure(['send', 'docusign', 'envelope-sent']), { exit: 1, code: 'endpoint_missing' });
  await waitUntil(
    async () =>
      (await run(['send', 'docusign', 'envelope-sent', '--endpoint', key])).stderr.includes(
        '404 unknown_endpoint',
      ),
    { what: 'the receiver knows that the endpoint is disabled', intervalMs: 200, timeoutMs: 20_000 },
  );
  t.match(await value(['endpoint', 'update', key, '--enable']), { disabledAt: null });
  t.match(await value(['endpoint', 'remove', key]), { key, removed: true });
  t.strictSame(await value(['endpoint', 'list', '--provider', 'docusign']), []);
});

const account = 'acct_unmapped';
const sendToPlatform = async () => {
  const sent = await value([
    ...['send', 'stripe', 'invoice.paid', '--endpoint', 'platform', '--account', account],
  ]);
  return sent;
};

t.test('an event without an owner waits for an operator', async (t) => {
  t.match((await run(['quarantine', 'list'])).stdout, 'Nothing is in quarantine.');
  const first = await sendToPlatform();
  t.match(first, { outcomes: { quarantined: 1 } });
  const [{ eventId }] = first.events;
  const [row] = await value(['quarantine', 'list', '--provider', 'stripe']);
  t.match(row, { eventId, account, reason: 'account_unknown', endpointKey: 'platform' });
  t.match((await run(['quarantine', 'list'])).stdout, new RegExp(`^${row.id} .*account_unknown`, 'm'));
  const id = String(row.id);
  t.match(await value(['quarantine', 'show', id]), { eventId, eventRaw: /^\{"id"/ });
  t.match((await run(['quarantine', 'show', id])).stdout, /\n\n\{"id"/);

  t.match(await failure(['quarantine', 'release', id]), { exit: 1, code: 'still_unmapped' });
  const mapping = ['--provider', 'stripe', '--account', account];
  t.match(await value(['account', 'map', ...mapping, '--firm', 'birch']), { account, firmSlug: 'birch' });
  t.match(await failure(['account', 'map', ...mapping, '--firm', 'acme']), {
    exit: 1,
    code: 'account_taken',
  });
  t.match(await value(['account', 'list', '--firm', 'birch']), [{ provider: 'stripe', account }]);
  t.match((await run(['account', 'list'])).stdout, /stripe +acct_unmapped +birch/);
  t.match(await value(['quarantine', 'release', id]), {
    provider: 'stripe',
    eventId,
    resolution: 'released',
  });
  await harness.applied(providerNamed('stripe') as Provider, eventId);
  t.match(await failure(['quarantine', 'release', id]), { exit: 1, code: 'already_resolved' });

  t.match(await value(['account', 'unmap', ...mapping]), { account, unmapped: true });
  t.match(await failure(['account', 'unmap', ...mapping]), { exit: 1, code: 'account_unknown' });
  await waitUntil(async () => (await sendToPlatform()).outcomes.quarantined === 1, {
    what: 'the receiver knows that the account is mapped no more',
  });
  const [second] = await value(['quarantine', 'list']);
  t.match(await value(['quarantine', 'discard', String(second.id)]), { resolution: 'discarded' });
  t.strictSame(await value(['quarantine', 'list']), []);
  t.equal((await value(['quarantine', 'list', '--resolved'])).length, 2);
  t.match(await failure(['quarantine', 'show', '999']), { exit: 1, code: 'quarantine_unknown' });
});

t.test('replay runs a dead event again, and leaves a final one alone', async (t) => {
  const square = providerNamed('square') as Provider;
  broken = true;
  const [{ eventId }] = (await value(['send', 'square', 'payment.created'])).events;
  await harness.applied(square, eventId, 'dead');
  broken = false;

  const claim = claimKey('square', eventId);
  const kept = (await harness.redis.get(claim)) as string;
  await harness.redis.set(claim, 'queued|00000000-0000-4000-8000-000000000000');
  t.match(await failure(['replay', 'square', eventId]), { exit: 1, code: 'event_foreign' });
  await harness.redis.set(claim, kept);

  t.strictSame(await value(['replay', 'square', eventId], alone), {
    provider: 'square',
    eventId,
    outcome: 'dead',
    result: 'enqueued',
  });
  await harness.applied(square, eventId);
  t.match(await value(['replay', 'square', eventId]), { outcome: 'applied', result: 'final' });
  t.match((await run(['replay', 'square', eventId])).stdout, /nothing was enqueued/);
  for (const command of [['replay'], ['events', 'show']])
    t.match(await failure([...command, 'square', 'evt_9']), { exit: 1, code: 'event_unknown' });
});

t.test('destinations are added, listed and removed', async (t) => {
  t.match((await run(['destination', 'list'])).stdout, 'There is no destination.\n');
  const to = (name: string, url = 'https://erp.example.test/hooks') =>
    ['destination', 'add', '--firm', 'acme', '--name', name, '--url', url] as const;
  const made = await run(to('crm'));
  t.match(made, { code: 0, stderr: '', stdout: /^name +crm\nurl +https:\S+\nsecret +whsec_[\w+/]{43}=\n$/ });
  const [, crmSecret = ''] = /(whsec_\S+)/.exec(made.stdout) ?? [];
  const given = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const added = await value([...to('erp'), '--secret', '-'], { input: `${given}\n` });
  t.match(added, { firmSlug: 'acme', name: 'erp', secret: given, disabledAt: null });

  const listed = await run(['destination', 'list', '--firm', 'acme']);
  t.match(listed.stdout, /^FIRM +NAME +URL +ADDED +DISABLED\nacme +crm +https:\S+ +\d{4}-\S+ +-\nacme +erp /);
  const rows = await value(['destination', 'list']);
  t.match(rows, [{ name: 'crm' }, { name: 'erp', url: 'https://erp.example.test/hooks' }]);
  for (const secret of [crmSecret, given]) t.notOk(JSON.stringify([listed, rows]).includes(secret));
  t.strictSame(await value(['destination', 'list', '--firm', 'birch']), []);

  t.match(await failure(to('erp')), { exit: 1, code: 'name_taken', message: /destination "erp" already/ });
  for (const [args, code] of [
    [to('with space'), 'input_invalid'],
    [to('x', 'ftp://erp.example.test'), 'input_invalid'],
    [to('x', 'https://user:hunter2@erp.example.test'), 'input_invalid'],
    [[...to('x'), '--secret', 'whsec_YQ=='], 'input_invalid'],
    [['destination', 'add', '--firm', 'acme', '--name', 'x'], 'usage_invalid'],
  ] as const)
    t.match(await failure(args), { exit: 2, code }, args.join(' '));
  t.match(await failure([...to('x'), '--secret', '-'], { input: `${given}\n${given}\n` }), {
    exit: 2,
    code: 'usage_invalid',
  });
  const nobody = ['--firm', 'nobody', '--name', 'erp'];
  t.match(await failure(['destination', 'remove', ...nobody]), { exit: 1, code: 'firm_unknown' });
  t.match(await failure(['destination', 'list', '--firm', 'nobody']), { exit: 1, code: 'firm_unknown' });

  const remove = (name: string) => ['destination', 'remove', '--firm', 'acme', '--name', name];
  t.match(await run(remove('crm')), {
    code: 0,
    stdout: 'The destination crm of acme is gone.\n',
    stderr: '',
  });
  t.strictSame(await value(remove('erp')), { firm: 'acme', name: 'erp', removed: true });
  t.match(await failure(remove('erp')), { exit: 1, code: 'destination_unknown' });
  t.strictSame(await value(['destination', 'list']), []);
});

t.test('the outbox is listed and shown, and a dead row is delivered again', async (t) => {
  t.match((await run(['outbox', 'list'])).stdout, 'The outbox has nothing of that kind.\n');
  const file = join(scratch, 'notified.json');
  writeFileSync(file, JSON.stringify({ id: 'in_notified', metadata: { notify: 'ledger' } }));
  const stripeKey = keys.get('stripe') as string;
  await value(['send', 'stripe', 'invoice.paid', '--endpoint', stripeKey, '--data', file]);
  const dead = ['outbox', 'list', '--status', 'dead'];
  await waitUntil(async () => (await value(dead)).length === 1, {
    what: 'it is dead: there is no such destination',
    intervalMs: 200,
  });
  const [row] = await value([...dead, '--firm', 'acme', '--destination', 'ledger', '--limit', '1']);
  t.match(row, {
    effectKey: 'invoice-paid:in_notified',
    firmSlug: 'acme',
    destination: 'ledger',
    status: 'dead',
    attempts: 1,
    lastError: /^destination_unknown/,
  });
  t.notOk('payload' in row);
  t.match(
    (await run(dead)).stdout,
    new RegExp(
      `^ID +CREATED .*ERROR\\n${row.id} .* invoice-paid:in_notified +ledger +dead +1 +destination_unknown`,
    ),
  );
  for (const filter of [
    ['--status', 'delivered'],
    ['--firm', 'birch'],
    ['--destination', 'erp'],
  ])
    t.strictSame(await value(['outbox', 'list', ...filter]), [], filter.join(' '));

  const payload = { id: 'in_notified', note: '\u001b[31mred' };
  t.match(await value(['outbox', 'show', row.id]), { id: row.id, payload });
  const shown = (await run(['outbox', 'show', row.id])).stdout;
  t.match(shown, /^id +\S+\n.*\n\n\{\n {2}"id": "in_notified",\n/s);
  t.notMatch(shown, '\u001b', 'no payload colours the terminal');

  const hook = await startHookServer(t);
  await value(['destination', 'add', '--firm', 'acme', '--name', 'ledger', '--url', hook.url]);
  t.match(await value(['outbox', 'replay', row.id]), { id: row.id, status: 'pending', attempts: 0 });
  const delivered = async () => (await value(['outbox', 'show', row.id])).status === 'delivered';
  await waitUntil(delivered, { what: 'it is delivered', intervalMs: 200 });
  t.match(hook.received.splice(0), [{ headers: { 'webhook-id': row.id }, body: JSON.stringify(payload) }]);
  t.match(await run(['outbox', 'replay', row.id]), {
    code: 0,
    stdout: 'Due: a worker delivers it to ledger now.\n',
    stderr: '',
  });
  await waitUntil(() => hook.received.length === 1, { what: 'it is delivered once more, under the same id' });
  t.equal(hook.received[0]?.headers['webhook-id'], row.id);

  for (const id of ['x', '00000000-0000-4000-8000-000000000000'])
    for (const command of ['show', 'replay'])
      t.match(
        await failure(['outbox', command, id]),
        { exit: 1, code: 'effect_unknown' },
        `${command} ${id}`,
      );
  for (const args of [
    ['outbox', 'list', '--status', 'lost'],
    ['outbox', 'list', '--limit', '0'],
    ['outbox', 'show'],
  ])
    t.match(await failure(args), { exit: 2, code: 'usage_invalid' }, args.join(' '));
  t.match(await failure(['outbox', 'list', '--firm', 'nobody']), { exit: 1, code: 'firm_unknown' });
});

t.test('claims are reset after a confirmation', async (t) => {
  t.match(await failure(['claims', 'reset'], alone), {
    exit: 2,
    code: 'confirmation_missing',
    message: /--yes/,
  });
  const counted = await value(['claims', 'reset', '--provider', 'stripe', '--yes'], alone);
  t.match(counted, { total: counted.claims.stripe });
  t.ok(counted.total >= 2);
  t.match((await run(['claims', 'reset', '--yes'])).stdout, /^stripe +0\nsquare +\d+\n.*\ntotal +\d+\n$/s);
  t.strictSame(await harness.redis.keys('*:claim:*'), []);
});

t.test('migrations are listed and applied', async (t) => {
  t.strictSame(await value(['migrate', '--status'], alone), { pending: [] });
  t.strictSame(await value(['migrate']), { applied: [] });
  t.match((await run(['migrate'])).stdout, 'Nothing was pending.');
  const empty = new URL(harness.database.url);
  empty.pathname = '/cli_empty';
  await harness.sql('CREATE DATABASE cli_empty');
  t.teardown(() => harness.sql('DROP DATABASE cli_empty'));
  const { pending } = await value(['migrate', '--status'], { env: { DATABASE_URL: empty.href } });
  t.ok(pending.length > 0);
  t.match(await failure(['firm', 'list'], { env: { DATABASE_URL: empty.href } }), {
    exit: 1,
    message: /not at this version — run `semel migrate`/,
  });
});

t.test('a missing and a wrong password are reported, and the login may be in the URL', async (t) => {
  const env = { DATABASE_URL: harness.database.url };
  const own = new URL(harness.database.url);
  [own.username, own.password] = ['semel_console', testPasswords.console];
  t.match(await failure(['firm', 'list'], { env: { ...env, CONSOLE_DATABASE_PASSWORD: '' } }), {
    exit: 1,
    code: 'database_password_missing',
    message: /semel_console is missing: set CONSOLE_DATABASE_PASSWORD/,
  });
  t.match(
    await failure(['firm', 'list'], { env: { ...env, CONSOLE_DATABASE_PASSWORD: testPasswords.worker } }),
    { exit: 1, code: 'store_unavailable', message: /refuses the login — .*CONSOLE_DATABASE_PASSWORD/ },
  );
  t.equal(
    (await run(['firm', 'list'], { env: { DATABASE_URL: own.href, CONSOLE_DATABASE_PASSWORD: '' } })).code,
    0,
    "the console's own login may be in the URL",
  );
});

t.test('each missing setting is reported at once, in one line', async (t) => {
  t.match(await run(['firm', 'list'], { env: { DATABASE_URL: '', SEMEL_ENCRYPTION_KEY: '' } }), {
    code: 1,
    stdout: '',
    stderr: /^config_invalid: DATABASE_URL [^\n]+\nconfig_invalid: SEMEL_ENCRYPTION_KEY [^\n]+\n$/,
  });
  t.match(await failure(['claims', 'reset', '--yes'], { env: { REDIS_URL: '' } }), {
    code: 'config_invalid',
  });
  t.equal((await run(['firm', 'list'], { env: { REDIS_URL: '' } })).code, 0, 'no Redis is needed for that');

  const port = await freePort();
  const away = `127.0.0.1:${port}`;
  t.match(
    await failure(['firm', 'list'], {
      alone: true,
      env: { DATABASE_URL: `postgres://u:hunter2@${away}/semel` },
    }),
    {
      exit: 1,
      code: 'store_unavailable',
      message: new RegExp(`^PostgreSQL at ${away}/semel can't be reached.* — start it`),
    },
  );
  t.match(
    await failure(['migrate'], {
      alone: true,
      env: { DATABASE_URL: `postgres://u:hunter2@${away}/semel` },
    }),
    {
      code: 'store_unavailable',
      message: /ECONNREFUSED/,
    },
  );
  t.match(
    await failure(['claims', 'reset', '--yes'], {
      alone: true,
      env: { REDIS_URL: `redis://:hunter2@${away}` },
    }),
    {
      exit: 1,
      code: 'store_unavailable',
      message: new RegExp(`^Redis at ${away} can't be reached \\(ECONNREFUSED\\) — start it`),
    },
  );

  t.match(await run(['--help'], alone), { code: 0, stderr: '', stdout: /Exit codes:/ });
  t.match(await run(['firm'], alone), { code: 2, stdout: '', stderr: /usage_invalid: a command is missing/ });
  t.match(await failure(['firm', 'ad']), { exit: 2, code: 'usage_invalid', message: /unknown command/ });
  t.match(await failure(['events', 'list', '--since', 'x']), { exit: 2, message: /15m, 2h, 3d/ });
});

t.test('no secret was ever printed', async (t) => {
  const all = printed.join('\n');
  for (const secret of [...secrets.values(), spare, encryptionKeyText, 'hunter2'])
    t.notOk(all.includes(secret));
  t.notMatch(all, /sealed/);
});
