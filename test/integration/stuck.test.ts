import t from 'tap';
import { mainTypeOf, startHarness } from '../support/harness.js';

// Events whose workers died under them. BullMQ counts how often in `stc` of the job.

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

  t.equal((await harness.send(endpoint, type, { body: stuck.body })).outcome, 'revived');
  await harness.applied(endpoint.provider, stuck.eventId);
  t.pass('the next delivery runs it again');
});
