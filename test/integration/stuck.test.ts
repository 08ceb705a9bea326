import { mostObjects } from '@semel/core';
import t from 'tap';
import { runSemel } from '../support/cli.js';
import { mainTypeOf, startHarness } from '../support/harness.js';
import { testEncryptionKey, testPasswordEnv } from '../support/servers.js';

// Events that would stop a worker: whose workers died under them (BullMQ counts how often in `stc` of the job), or with too
// many objects. Each shows in the metrics, and the first in `semel status`.

const job = (eventId: string) => `{semel:stripe}:stripe:${eventId}`;

t.test('an event that ended its workers runs alone, and is dead if that ends them as well', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const endpoint = await harness.addEndpoint('stripe', await harness.addFirm());
  const { type } = mainTypeOf(endpoint.provider);
  const send = async (fields: Record<string, string>) => {
    const { body } = harness.buildBody(endpoint, type);
    const { eventId } = await harness.send(endpoint, type, { body });
    await harness.redis.hset(job(eventId), fields);
    return { eventId, body };
  };
  const bystanders = [await send({ stc: '1' }), await send({ stc: '3' }), await send({ stc: '7' })];
  const lastChance = await send({ stc: '4', progress: '{"runsAlone":1}' });
  const stuck = await send({ stc: '5', progress: '{"runsAlone":2}' });
  await harness.startWorker();

  for (const { eventId } of [...bystanders, lastChance]) await harness.applied(endpoint.provider, eventId);
  const row = await harness.applied(endpoint.provider, stuck.eventId, 'dead');
  t.match(row.last_error, /^handler_stuck/);
  const progress = await harness.redis.hget(job(lastChance.eventId), 'progress');
  t.equal(progress, '{"runsAlone":0}', 'it ended, and is no suspect any more');
  t.equal(await harness.metric('webhook_stuck_events_total{provider="stripe"}'), 1);

  const { code, stdout } = await runSemel(['status', '--json'], {
    env: {
      DATABASE_URL: harness.database.url,
      REDIS_URL: harness.redisServer.url,
      SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
      ...testPasswordEnv,
    },
  });
  t.equal(code, 1);
  t.match(
    JSON.parse(stdout).problems,
    [
      {
        what: '1 stripe event of the last day ended the worker again and again (handler_stuck)',
        next: /process\.stuck .*semel replay --outcome dead --provider stripe --since 1d$/,
      },
    ],
    'one problem: it is not counted as any other dead event',
  );
  t.equal(JSON.parse(stdout).problems.length, 1);

  t.equal((await harness.send(endpoint, type, { body: stuck.body })).outcome, 'revived');
  await harness.applied(endpoint.provider, stuck.eventId);
  t.pass('the next delivery runs it again');
});

t.test('an event with too many objects is counted', async (t) => {
  const harness = await startHarness(t, {
    rule: (provider) => ({
      ...provider,
      changesOf(event, body) {
        const set = provider.changesOf(event, body);
        const [first] = set.changes;
        if (first === undefined) return set;
        const changes = Array.from({ length: mostObjects + 1 }, (_, i) => ({
          ...first,
          externalId: `in_${i}`,
        }));
        return { ...set, changes };
      },
    }),
  });
  const endpoint = await harness.addEndpoint('stripe', await harness.addFirm());
  const { eventId } = await harness.send(endpoint, mainTypeOf(endpoint.provider).type);
  const row = await harness.applied(endpoint.provider, eventId, 'ignored');
  t.equal(row.ignored_reason, 'too_many_objects');
  t.equal(await harness.metric('webhook_oversized_events_total{provider="stripe"}'), 1);
});
