import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openProducerRedis, openQueue } from '@semel/queue';
import t from 'tap';
import { startSemelHost } from '../../support/cli.js';
import { testEncryptionKey, testPasswordEnv } from '../../support/servers.js';
import { waitUntil } from '../../support/wait-until.js';
import { type ProviderName, providerNames, requestOf } from '../bodies.js';
import type { PlannedEvent } from '../plan.js';
import { mendedFile, poisonMark } from '../poison.js';
import { post } from '../post.js';
import type { Firm, Sent } from '../senders.js';
import { startJudgedHarness } from './judged-harness.js';

// Hard events: one whose rule throws, one delivered a thousand times at once, one signed by two firms.

const harness = await startJudgedHarness({
  settings: { budgetMs: 20_000, spillAgainAfterMs: 1_500 },
  patience: 8,
});
const { sql, redis } = harness;

const runSemel = startSemelHost(t);
async function semel(...args: string[]) {
  const ran = await runSemel([...args, '--json'], {
    env: {
      DATABASE_URL: harness.databaseUrl,
      REDIS_URL: harness.servers.redis.url,
      SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
      ...testPasswordEnv,
      SEMEL_DATA_DIR: join(harness.dir, 'none'),
      PUBLIC_BASE_URL: harness.publicBaseUrl,
    },
  });
  if (ran.code !== 0) throw new Error(ran.stdout + ran.stderr);
  return JSON.parse(ran.stdout);
}

const attemptsOf = async (eventId: string): Promise<{ outcome: string; firm_id: string }[]> =>
  (
    await sql.query('SELECT outcome, firm_id FROM webhook_attempts WHERE event_id = $1 ORDER BY id', [
      eventId,
    ])
  ).rows;

const untilOutcome = (eventId: string, ...outcomes: string[]) =>
  waitUntil(async () => outcomes.includes((await attemptsOf(eventId)).at(-1)?.outcome ?? ''), {
    what: `${eventId} is ${outcomes.join(' or ')}`,
  });
/** `stale`: the object's later event was applied first. */
const done = ['applied', 'stale'];

t.test('15. poison event', async (t) => {
  const poison = providerNames.map((provider, i): PlannedEvent => {
    const event = harness.next(provider);
    return { ...event, kind: 'poison', facts: { ...event.facts, mark: poisonMark(String(i)) } };
  });
  // Sent together, so that they share groups.
  const neighbours = Array.from({ length: 60 }, () => harness.next());
  const [sentPoison, sentNeighbours] = await Promise.all([
    Promise.all(poison.map((event) => harness.senders.send(event))),
    Promise.all(neighbours.map((event) => harness.senders.send(event))),
  ]);
  for (const { eventId } of sentPoison) await untilOutcome(eventId, 'dead');
  for (const { eventId } of sentNeighbours) {
    await waitUntil(async () => (await attemptsOf(eventId)).length > 0, { what: `${eventId} went through` });
    const outcomes = (await attemptsOf(eventId)).map(({ outcome }) => outcome);
    if (outcomes.length !== 1 || outcomes[0] === 'failed') t.fail(`a neighbour met ${outcomes}`);
  }
  for (const i of providerNames.keys()) writeFileSync(mendedFile(harness.dir, String(i)), '');
  for (const [i, sent] of sentPoison.entries()) {
    if (i % 2 === 0) await harness.senders.deliver(sent, false);
    else await semel('replay', sent.facts.provider, sent.eventId);
    await untilOutcome(sent.eventId, ...done);
    const outcomes = (await attemptsOf(sent.eventId)).map(({ outcome }) => outcome);
    t.same(
      outcomes.slice(0, -1),
      ['failed', 'failed', 'failed', 'dead'],
      'it was tried as often as it may be',
    );
    t.ok(
      done.includes(outcomes.at(-1) ?? ''),
      `and then ${i % 2 === 0 ? 'a redelivery' : 'a replay'} applied it once`,
    );
  }
  await harness.judge(t);
});

t.test('16. 1,000 concurrent deliveries of one event over two receivers', async (t) => {
  for (const provider of providerNames) {
    const event = harness.next(provider);
    const sent = harness.senders.record(event, event.firm);
    const { key, secret } = (harness.firms[event.firm] as Firm).endpoints[provider];
    const target = { endpointKey: key, secret, publicBaseUrl: harness.publicBaseUrl };
    const beganMs = Date.now();
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, retry) => {
        const { port } = (harness.receivers[retry % 2] as (typeof harness.receivers)[0]).app;
        return post(port, requestOf(event.facts, { ...target, retry }), 60_000);
      }),
    );
    for (const answer of answers) {
      sent.deliveries++;
      if (answer === null) sent.unanswered++;
      else sent.outcomes.set(answer.outcome, (sent.outcomes.get(answer.outcome) ?? 0) + 1);
    }
    sent.acknowledgedBeganMs = beganMs;
    sent.acknowledgedAtMs = Date.now();
    t.same(Object.fromEntries(sent.outcomes), { accepted: 1, duplicate: 999 }, provider);
    t.comment(`${provider}: ${Date.now() - beganMs} ms`);
  }
  await harness.judge(t);
});

/** The `quarantined` log lines of all apps about an event. */
const alerts = (eventId: string): number =>
  readdirSync(join(harness.dir, 'logs'))
    .flatMap((file) => readFileSync(join(harness.dir, 'logs', file), 'utf8').split('\n'))
    .filter((line) => line.includes(eventId) && /"(event|webhook)\.quarantined"/.test(line)).length;

interface Pair {
  met: 'claim' | 'job' | 'ledger' | 'spill';
  first: Sent;
  second: Sent;
}

t.test('18. the same id signed by two firms, in either order', async (t) => {
  const client = openProducerRedis(harness.servers.redis.url, 5_000);
  t.teardown(() => client.disconnect());
  await waitUntil(() => client.status === 'ready', { what: 'Redis is there' });
  const queues = providerNames.map((name) => openQueue(client, name));
  const key = (provider: ProviderName, part: string) => `{semel:${provider}}:${provider}:${part}`;
  const claim = (provider: ProviderName, eventId: string) => `{semel:${provider}}:claim:${eventId}`;
  const pairs: Pair[] = [];

  /** `between` runs after the first firm's delivery and before the second one's. */
  async function meet(
    met: Pair['met'],
    answers: [string, string],
    between: (first: Sent) => Promise<unknown>,
  ) {
    for (const provider of providerNames)
      for (const [one, other] of [
        [0, 1],
        [1, 0],
      ] as const) {
        const { facts, ...rest } = harness.next(provider);
        const objectHex = randomBytes(16).toString('hex'); // an object that the planned firm does not have
        const event: PlannedEvent = { ...rest, facts: { ...facts, objectHex }, kind: 'collision', firm: one };
        const first = await harness.senders.send(event);
        t.same([...first.outcomes.keys()], [answers[0]], `${provider}, firm ${one} first: ${answers[0]}`);
        await between(first);
        const second = await harness.senders.send(event, other);
        t.same([...second.outcomes.keys()], [answers[1]], `met by the ${met}: ${answers[1]}`);
        pairs.push({ met, first, second });
      }
  }

  await Promise.all(queues.map((queue) => queue.pause()));
  await meet('claim', ['accepted', 'quarantined'], async () => undefined);
  await meet('job', ['accepted', 'quarantined'], ({ facts, eventId }) =>
    redis.del(claim(facts.provider, eventId)),
  );
  await Promise.all(queues.map((queue) => queue.resume()));
  await meet('ledger', ['accepted', 'accepted'], async ({ facts: { provider }, eventId }) => {
    await waitUntil(async () => (await redis.zrem(key(provider, 'completed'), eventId)) === 1, {
      what: 'it is applied',
    });
    await redis.del(claim(provider, eventId), key(provider, eventId));
  });
  await redis.config('SET', 'maxmemory', 1);
  await waitUntil(async () => (await harness.senders.send(harness.next('stripe'))).outcomes.has('spilled'), {
    what: 'events spill',
  });
  await meet('spill', ['spilled', 'spilled'], async () => undefined);
  await redis.config('SET', 'maxmemory', 0);
  await harness.judge(t);

  const released: Promise<unknown>[] = [];
  const waiting: { id: string; eventId: string; firmId: string; reason: string }[] = await semel(
    'quarantine',
    'list',
    '--limit',
    '1000',
  );
  t.equal(waiting.length, pairs.length, 'one row each, and no other');
  for (const { met, first, second } of pairs) {
    const { eventId } = first;
    const applied = (await attemptsOf(eventId)).map(({ firm_id }) => firm_id);
    const row = waiting.find((each) => each.eventId === eventId);
    const what = `${met}, ${first.facts.provider}`;
    // Both spilled: their order is approximate.
    if (met !== 'spill') t.same(applied, [first.firmId], `${what}: applied for the firm that was first`);
    t.same(
      new Set([...applied, row?.firmId]),
      new Set([first.firmId, second.firmId]),
      `${what}: each has its own`,
    );
    t.equal(row?.reason, 'owner_collision');
    t.ok(alerts(eventId) > 0, 'an alert says so');
    const slug = harness.firms.find(({ id }) => id === row?.firmId)?.slug;
    const { eventId: own } = await semel('quarantine', 'release', String(row?.id));
    t.equal(own, `${eventId}~${slug}`, 'released under an id of its own');
    released.push(
      untilOutcome(own, ...done).then(async () =>
        t.same(
          (await attemptsOf(own)).map(({ firm_id }) => firm_id),
          [row?.firmId],
          `${what}: applied for its own firm`,
        ),
      ),
    );
  }
  await Promise.all(released);
  await Promise.all(queues.map((queue) => queue.close()));
});
