import fc from 'fast-check';
import t from 'tap';
import { openApplier } from '../support/apply-directly.js';
import { type Model, step } from '../support/guard-model.js';
import { type Harness, startHarness } from '../support/harness.js';
import {
  type BuiltEvent,
  buildEvent,
  conversationHistories,
  messageHistories,
  shuffled,
  startMs,
} from '../support/histories.js';
import { permutations } from '../support/permutations.js';

// Messages, conversations and opt-outs: the same rows in every order.

const ours = '+12015550100';
const theirs = '+12015550123';
let made = 0;
const newSid = (prefix = 'SM') => `${prefix}${(++made).toString(16).padStart(32, '0')}`;

const writes = (Body: string, receivedAtMs: number, overrides: Record<string, unknown> = {}) =>
  buildEvent('twilio', 'inbound', { id: newSid(), Body, ...overrides }, { receivedAtMs });

const conversationsOf = (harness: Harness, firmId: string | null) =>
  harness.sql(
    `SELECT our_number, their_number, opted_out, opted_out_at, last_inbound_at FROM sms_conversations
     WHERE firm_id = $1 ORDER BY their_number, our_number`,
    [firmId],
  );

t.test('messages and conversations in the database', async (t) => {
  const harness = await startHarness(t, { receivers: 0, workers: 0 });
  const run = openApplier(t, harness);
  const enter = async () => harness.addEndpoint('twilio', await harness.addFirm());

  await t.test('opt-out and opt-in, in all orders of application', async (t) => {
    const [stop, help, start, again] = [
      writes('Stop', startMs),
      writes('HELP', startMs + 1),
      writes('start', startMs + 2),
      writes(' stopall ', startMs + 3),
    ] as const;
    const cases: [BuiltEvent[], boolean, number | null][] = [
      [[stop, help], true, startMs],
      [[stop, help, start], false, null],
      [[stop, help, start, again], true, startMs + 3],
    ];
    for (const [events, optedOut, atMs] of cases)
      for (const [i, order] of permutations(events).entries()) {
        const endpoint = await enter();
        await run(endpoint, order, {
          groups: i % 2 === 0 ? order.length : 1,
          mark: `~${made}-${events.length}-${i}`,
        });
        t.same(
          await conversationsOf(harness, endpoint.firmId),
          [
            {
              our_number: ours,
              their_number: theirs,
              opted_out: optedOut,
              opted_out_at: atMs === null ? null : new Date(atMs),
              last_inbound_at: new Date(Math.max(...events.map(({ event }) => event.receivedAtMs))),
            },
          ],
          order.map(({ event }) => event.receivedAtMs - startMs).join(', '),
        );
      }
  });

  await t.test('within one millisecond the greater event id decides, in both orders', async (t) => {
    const events = [writes('STOP', startMs), writes('START', startMs)];
    for (const [i, order] of permutations(events).entries()) {
      const endpoint = await enter();
      await run(endpoint, order, { mark: `~tie-${i}` });
      t.match(await conversationsOf(harness, endpoint.firmId), [{ opted_out: false }]);
    }
  });

  await t.test("STOP leaves a conversation's messages in place; a status does not opt back in", async (t) => {
    const endpoint = await enter();
    const sid = newSid();
    const outcomes = await run(endpoint, [
      buildEvent('twilio', 'status:sent', { id: sid }),
      writes('Hello', startMs + 1),
      writes('', startMs + 2, { OptOutType: 'STOP', Body: 'ARRET' }),
      buildEvent('twilio', 'status:delivered', { id: sid }, { receivedAtMs: startMs + 9 }),
      buildEvent('twilio', 'status:queued', { id: sid }, { receivedAtMs: startMs + 10 }),
      buildEvent(
        'twilio',
        'status:failed',
        { id: newSid(), ErrorCode: '21610' },
        { receivedAtMs: startMs + 11 },
      ),
    ]);
    t.same(outcomes, ['applied', 'applied', 'applied', 'applied', 'stale', 'applied']);
    t.match(await conversationsOf(harness, endpoint.firmId), [
      { opted_out: true, opted_out_at: new Date(startMs + 2), last_inbound_at: new Date(startMs + 2) },
    ]);
    const messages = await harness.sql(
      `SELECT direction, status, error_code, body FROM sms_messages WHERE firm_id = $1 ORDER BY status, body`,
      [endpoint.firmId],
    );
    t.same(messages, [
      { direction: 'outbound', status: 'delivered', error_code: null, body: null },
      { direction: 'outbound', status: 'failed', error_code: '21610', body: null },
      { direction: 'inbound', status: 'received', error_code: null, body: 'ARRET' },
      { direction: 'inbound', status: 'received', error_code: null, body: 'Hello' },
    ]);
    const [audit] = await harness.sql(
      `SELECT c.entity_id = s.id AS own, change FROM domain_changes c, sms_conversations s
       WHERE c.entity_type = 'opt_out' AND c.firm_id = $1 AND s.firm_id = $1`,
      [endpoint.firmId],
    );
    t.match(audit, { own: true, change: { opted_out: true } });
  });

  await t.test('an MMS is stored with its links and its account', async (t) => {
    const endpoint = await enter();
    const AccountSid = `AC${'b'.repeat(32)}`;
    await run(endpoint, [buildEvent('twilio', 'inbound:mms', { id: newSid('MM'), AccountSid })]);
    const [message] = await harness.sql('SELECT * FROM sms_messages WHERE firm_id = $1', [endpoint.firmId]);
    t.match(message, {
      direction: 'inbound',
      account_sid: AccountSid,
      messaging_service_sid: /^MG/,
      media: [
        { content_type: 'image/jpeg', url: /^https:/ },
        { content_type: 'image/png', url: /^https:/ },
      ],
    });
    t.match(await conversationsOf(harness, endpoint.firmId), [{ opted_out: false }]);
  });

  await t.test('each channel is a separate conversation', async (t) => {
    const endpoint = await enter();
    const channel = (prefix: string) => ({ From: `${prefix}${theirs}`, To: `${prefix}${ours}` });
    await run(endpoint, [
      writes('STOP', startMs, channel('whatsapp:')),
      writes('Hello', startMs + 1),
      writes('Hello', startMs + 2, channel('rcs:')),
    ]);
    t.same(
      (await conversationsOf(harness, endpoint.firmId)).map(({ their_number, opted_out }) => [
        their_number,
        opted_out,
      ]),
      [
        [theirs, false],
        [`rcs:${theirs}`, false],
        [`whatsapp:${theirs}`, true],
      ],
    );
  });

  await t.test('any order, repetition and grouping ends as the guard model says', async (t) => {
    const seed = Date.now() & 0xffffff;
    t.comment(`seed ${seed}`);
    const cases = fc
      .tuple(messageHistories, conversationHistories)
      .chain(([{ history }, events]) =>
        fc.tuple(shuffled([...history, ...events]), fc.integer({ min: 1, max: 5 })),
      );
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(cases, async ([order, groups]) => {
        const endpoint = await enter();
        await run(endpoint, order, { groups, mark: `~p${++runs}` });
        const expected: Model = new Map();
        for (const { event, body } of order)
          step(expected, event, endpoint.provider.changesOf(event, body).changes);
        const rows = await conversationsOf(harness, endpoint.firmId);
        for (const row of rows) {
          const key = `${row.our_number}|${row.their_number}`;
          const optOut = expected.get(`opt_out ${key}`)?.fields.opted_out ?? false;
          if (row.opted_out !== optOut) throw new Error(`${key}: opted_out is ${row.opted_out}`);
          const last = expected.get(`conversation ${key}`)?.latest.last_inbound_at ?? null;
          if ((row.last_inbound_at as Date | null)?.toISOString() !== (last ?? undefined))
            throw new Error(`${key}: last_inbound_at is ${row.last_inbound_at}`);
        }
        for (const { twilio_message_sid: sid, status } of await harness.sql(
          'SELECT twilio_message_sid, status FROM sms_messages WHERE firm_id = $1',
          [endpoint.firmId],
        ))
          if (expected.get(`message ${sid}`)?.fields.status !== status) throw new Error(`${sid}: ${status}`);
      }),
      { seed, numRuns: 40, endOnFailure: true },
    );
    t.pass();
  });
});
