import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { startApp } from '../support/apps.js';
import { startHarness } from '../support/harness.js';
import { testEncryptionKey, testPasswordEnv, waitUntil } from '../support/servers.js';

// The example runs as documented, in separate processes: worker, handlers, and a receiver of outgoing webhooks.

const root = fileURLToPath(new URL('../..', import.meta.url));

t.test('examples/invoicing', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  await harness.sql(readFileSync(`${root}/examples/invoicing/schema.sql`, 'utf8'));
  const firm = await harness.addFirm();
  const endpoint = await harness.addEndpoint('stripe', firm);
  const secret = `whsec_${Buffer.alloc(32, 'erp').toString('base64')}`;
  const erp = await startReceiver(secret);
  t.teardown(() => erp.stop());
  await harness.addDestination(firm, 'erp', `http://127.0.0.1:${erp.port}/`, secret);

  const worker = await startApp('worker', {
    DATABASE_URL: harness.database.url,
    REDIS_URL: harness.redisServer.url,
    SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
    ...testPasswordEnv,
    WORKER_PORT: '0',
    SEMEL_HANDLERS: 'examples/invoicing/handlers.mjs',
    SEMEL_ALLOW_PRIVATE_DESTINATIONS: '1',
    SEMEL_OUTBOX_POLL_MS: '100',
  });
  t.teardown(() => worker.stop());

  const id = 'in_example';
  const { body } = harness.buildBody(endpoint, 'invoice.paid', { overrides: { id } });
  const sent = await harness.send(endpoint, 'invoice.paid', { body });
  await harness.send(endpoint, 'invoice.paid', { body });
  await harness.applied(endpoint.provider, sent.eventId);
  t.match(await harness.sql('SELECT * FROM booked_payments'), [
    { firm_id: firm, invoice: id, amount: '12500', currency: 'usd' },
  ]);
  await waitUntil(() => erp.lines.some(({ msg }) => msg === 'erp.told'), { what: 'the ERP was notified' });
  t.match(
    erp.lines.filter(({ msg }) => msg === 'erp.told'),
    [{ type: 'invoice.paid', data: { invoice: id, amount: 12_500 } }],
  );

  const lost = harness.buildBody(endpoint, 'invoice.finalized', {
    overrides: { id: 'in_lost', status: 'uncollectible', $event: { type: 'invoice.marked_uncollectible' } },
  });
  await harness.send(endpoint, 'invoice.finalized', { body: lost.body });
  await waitUntil(
    () => worker.logs.some(({ msg, invoice }) => msg === 'collections.told' && invoice === 'in_lost'),
    {
      what: 'the collections were told',
    },
  );
});

t.test('a worker refuses to start with handlers that cannot be loaded', async (t) => {
  const env = {
    DATABASE_URL: 'postgres://127.0.0.1:1/none',
    REDIS_URL: 'redis://127.0.0.1:1',
    SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
    ...testPasswordEnv,
    WORKER_PORT: '0',
  };
  await t.rejects(startApp('worker', { ...env, SEMEL_HANDLERS: 'examples/invoicing/none.mjs' }), {
    message: /none.mjs can't be loaded[\s\S]*handlers.unusable/,
  });
  await t.rejects(startApp('worker', { ...env, SEMEL_HANDLERS: 'scripts/bootstrap.mjs' }), {
    message: /exports nothing that defineHandler or defineDelivery made/,
  });
});

async function startReceiver(secret: string) {
  const child: ChildProcess = spawn(process.execPath, ['examples/invoicing/receiver.mjs', '0', secret], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
    lines.push(JSON.parse(line)),
  );
  const started = await waitUntil(() => lines.find(({ msg }) => msg === 'receiver.started'), {
    what: 'it listens',
  });
  return {
    lines,
    port: started.port as number,
    async stop() {
      child.kill();
      await once(child, 'exit');
    },
  };
}
