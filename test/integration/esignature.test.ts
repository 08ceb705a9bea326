import fc from 'fast-check';
import t from 'tap';
import { openApplier } from '../support/apply-directly.js';
import { type Model, step } from '../support/guard-model.js';
import { type Harness, startHarness } from '../support/harness.js';
import { type BuiltEvent, buildEvent, envelopeHistories, shuffled, startMs } from '../support/histories.js';
import { permutations } from '../support/permutations.js';

// Envelopes and their recipients: the same rows in every order, without personal data of recipients.

const secondMs = 1000;
const yearMs = 365 * 86_400_000;
const build = (type: string, afterMs: number, overrides: Record<string, unknown> = {}) =>
  buildEvent('docusign', type, { id: 'env-1', ...overrides }, { nowMs: startMs + afterMs });
const bare = (type: string, afterMs: number, overrides: Record<string, unknown> = {}) =>
  build(type, afterMs, { envelopeSummary: undefined, ...overrides });
const at = (afterMs: number) => new Date(startMs + afterMs);

const envelopeOf = async (harness: Harness, firmId: string | null) =>
  (await harness.sql('SELECT * FROM esignature_envelopes WHERE firm_id = $1', [firmId]))[0];
const recipientsOf = (harness: Harness, firmId: string | null) =>
  harness.sql('SELECT * FROM esignature_recipients WHERE firm_id = $1 ORDER BY external_id', [firmId]);

/** The events of an envelope, in the order in which they happened, and what must be there in the end. */
const lives: Record<string, { events: BuiltEvent[]; envelope: object; recipients?: object[] }> = {
  'declined after a late delivered': {
    events: [
      build('envelope-sent', 0),
      build('envelope-declined', 60 * secondMs),
      // Generated later, about an earlier status.
      build('envelope-delivered', 90 * secondMs, { statusChangedDateTime: at(30 * secondMs).toISOString() }),
    ],
    envelope: { status: 'declined', declined_at: at(60 * secondMs) },
    recipients: [
      { status: 'declined', declined_reason: 'Terms are not agreed', role_type: 'signer', routing_order: 1 },
      { status: 'delivered', declined_at: null, declined_reason: null },
    ],
  },
  'a status never seen before': {
    events: [
      build('envelope-sent', 0),
      build('envelope-completed', 60 * secondMs),
      build('envelope-sent', 90 * secondMs, { status: 'pondered', $event: { event: 'envelope-pondered' } }),
    ],
    envelope: { status: 'completed', completed_at: at(60 * secondMs) },
  },
  'an event years old': {
    events: [
      build('envelope-sent', -8 * yearMs),
      build('envelope-delivered', -8 * yearMs + secondMs),
      build('envelope-voided', 0),
    ],
    envelope: { status: 'voided', voided_at: at(0), voided_reason: 'Wrong document attached' },
  },
  'corrected and resent while it was out': {
    events: [
      build('envelope-sent', 0),
      build('envelope-corrected', 10 * secondMs),
      build('envelope-resent', 20 * secondMs),
      bare('envelope-resent', 30 * secondMs),
    ],
    envelope: {
      status: 'sent',
      corrected_at: at(10 * secondMs),
      resent_at: at(30 * secondMs),
      purged_at: null,
    },
  },
  'purged and deleted after its end': {
    events: [
      bare('envelope-completed', 0),
      bare('envelope-purge', 10 * secondMs),
      bare('envelope-deleted', 20 * secondMs),
    ],
    envelope: { status: 'completed', purged_at: at(10 * secondMs), deleted_at: at(20 * secondMs) },
  },
  'two messages of one step, of which one has the data': {
    events: [
      build('envelope-completed', 0),
      bare('envelope-completed', 5 * secondMs, { $event: { configurationId: 7 } }),
    ],
    envelope: { status: 'completed', completed_at: at(0), sent_at: at(-29 * 60 * secondMs) },
  },
  'recipients by themselves': {
    events: [
      bare('recipient-sent', 0),
      bare('recipient-delivered', 10 * secondMs),
      bare('recipient-authenticationfailed', 15 * secondMs),
      bare('recipient-completed', 20 * secondMs),
    ],
    envelope: { status: null },
    recipients: [{ status: 'completed', signed_at: at(20 * secondMs) }],
  },
};

t.test('every order of application ends in the same rows', async (t) => {
  const harness = await startHarness(t, { receivers: 0, workers: 0 });
  const run = openApplier(t, harness);
  for (const [name, { events, envelope, recipients }] of Object.entries(lives))
    await t.test(name, async (t) => {
      for (const [i, order] of permutations(events).entries()) {
        const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
        await run(endpoint, order, { groups: i % 2 === 0 ? order.length : 1, mark: `~${name.length}-${i}` });
        const names = order.map(({ event }) => event.type).join(', ');
        t.match(await envelopeOf(harness, endpoint.firmId), envelope, names);
        if (recipients) t.match(await recipientsOf(harness, endpoint.firmId), recipients, names);
      }
    });

  await t.test('`delivered` before `sent`: the late event is stale and changes nothing', async (t) => {
    const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
    const outcomes = await run(endpoint, [bare('envelope-delivered', secondMs), bare('envelope-sent', 0)]);
    t.same(outcomes, ['applied', 'stale']);
    t.match(await envelopeOf(harness, endpoint.firmId), { status: 'delivered', sent_at: null });
  });

  await t.test("names and addresses are stored in the event's bytes only", async (t) => {
    const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
    await run(endpoint, [build('envelope-declined', 0)], { mark: '~private' });
    const rows = [
      await envelopeOf(harness, endpoint.firmId),
      ...(await recipientsOf(harness, endpoint.firmId)),
      ...(await harness.sql('SELECT change FROM domain_changes WHERE firm_id = $1', [endpoint.firmId])),
    ];
    t.equal(rows.length, 6);
    t.notMatch(JSON.stringify(rows), /Ada|Charles|example\.com/);
  });

  await t.test('any order, repetition and grouping ends as the guard model says', async (t) => {
    const seed = Date.now() & 0xffffff;
    t.comment(`seed ${seed}`);
    const cases = envelopeHistories.chain(({ history }) =>
      fc.tuple(shuffled(history), fc.integer({ min: 1, max: 5 })),
    );
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(cases, async ([order, groups]) => {
        const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
        await run(endpoint, order, { groups, mark: `~p${++runs}` });
        const expected: Model = new Map();
        for (const { event, body } of order)
          step(expected, event, endpoint.provider.changesOf(event, body).changes);
        const rows = [
          ...(await harness.sql(`SELECT 'envelope' AS kind, * FROM esignature_envelopes WHERE firm_id = $1`, [
            endpoint.firmId,
          ])),
          ...(await harness.sql(
            `SELECT 'recipient' AS kind, * FROM esignature_recipients WHERE firm_id = $1`,
            [endpoint.firmId],
          )),
        ];
        const lists = [...expected.keys()].filter((key) => key.startsWith('recipient_list '));
        if (rows.length !== new Set([...expected.keys(), 'envelope env-1']).size - lists.length)
          throw new Error('other rows');
        for (const row of rows) {
          const model = expected.get(`${row.kind} ${row.external_id}`);
          for (const [column, value] of Object.entries({ ...model?.fields, ...model?.latest })) {
            const found = row[column] instanceof Date ? row[column].toISOString() : row[column];
            if (found !== value) throw new Error(`${row.external_id}: ${column} is ${found}, not ${value}`);
          }
        }
      }),
      { seed, numRuns: 40, endOnFailure: true },
    );
    t.pass();
  });
});
