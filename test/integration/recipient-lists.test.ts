import t from 'tap';
import { openApplier } from '../support/apply-directly.js';
import { startHarness } from '../support/harness.js';
import { type BuiltEvent, buildEvent } from '../support/histories.js';
import { permutations } from '../support/permutations.js';

// A sender corrects an envelope after sending it: its status returns to `sent`, and recipients are removed or
// replaced. The rows end as DocuSign shows the envelope, whatever order its messages arrive in.

const startMs = Date.UTC(2026, 10, 21, 15);
const at = (ms: number, ticks = '0000') => `${new Date(startMs + ms).toISOString().slice(0, -1)}${ticks}Z`;

type Recipient = [id: string | number, status: string];

/** A message with its envelope: `changed` is the time of the status, `generated` the time of the message. */
function message(
  type: string,
  {
    status,
    changed,
    generated,
    recipients = [],
    count,
    sent,
  }: {
    status: string;
    changed: string;
    generated: string;
    recipients?: Recipient[];
    count?: number | string;
    sent?: string;
  },
): BuiltEvent {
  const signers = recipients.map(([recipientId, own]) => ({
    recipientId,
    status: own,
    recipientType: 'signer',
  }));
  return buildEvent('docusign', type, {
    id: 'env-1',
    status,
    statusChangedDateTime: changed,
    ...(sent === undefined ? {} : { sentDateTime: sent }),
    recipients: { signers, ...(count === undefined ? {} : { recipientCount: count }) },
    $event: { generatedDateTime: generated },
  });
}

interface Case {
  name: string;
  events: BuiltEvent[];
  envelope: Record<string, unknown>;
  recipients?: Record<string, string>;
}

const cases: Case[] = [
  {
    name: 'of one status time the message that was made later counts, by 100 nanoseconds',
    events: [
      message('envelope-sent', { status: 'sent', changed: at(0), generated: at(0, '0001'), sent: at(-800) }),
      message('envelope-sent', { status: 'sent', changed: at(0), generated: at(0, '0002'), sent: at(-500) }),
    ],
    envelope: { status: 'sent', sent_at: new Date('2026-11-21T14:59:59.5Z') },
  },
  {
    name: 'a correction leads from delivered back to sent',
    events: [
      message('envelope-sent', {
        status: 'sent',
        changed: at(0),
        generated: at(10),
        recipients: [['1', 'sent']],
      }),
      message('envelope-delivered', {
        status: 'delivered',
        changed: at(1_000),
        generated: at(1_010),
        recipients: [['1', 'delivered']],
      }),
      message('envelope-corrected', {
        status: 'sent',
        changed: at(2_000),
        generated: at(2_010),
        recipients: [['1', 'sent']],
      }),
    ],
    envelope: { status: 'sent', corrected_at: new Date(startMs + 2_010) },
    recipients: { '1': 'sent' },
  },
  {
    name: 'delivered follows sent',
    events: [
      message('envelope-sent', { status: 'sent', changed: at(0), generated: at(10) }),
      message('envelope-corrected', { status: 'sent', changed: at(500), generated: at(510) }),
      message('envelope-delivered', { status: 'delivered', changed: at(1_000), generated: at(1_010) }),
    ],
    envelope: { status: 'delivered' },
  },
  {
    name: 'who is missing from a later list was taken out, who is new in it lives',
    events: [
      message('envelope-sent', {
        status: 'sent',
        changed: at(0),
        generated: at(10),
        recipients: [
          ['1', 'sent'],
          ['2', 'created'],
        ],
      }),
      message('recipient-delivered', {
        status: 'sent',
        changed: at(0),
        generated: at(900),
        recipients: [
          ['1', 'delivered'],
          ['2', 'created'],
        ],
      }),
      message('envelope-corrected', {
        status: 'sent',
        changed: at(2_000),
        generated: at(2_010),
        recipients: [
          ['1', 'delivered'],
          ['3', 'created'],
        ],
        count: '2',
      }),
    ],
    envelope: { status: 'sent' },
    recipients: { '1': 'delivered', '2': 'deleted', '3': 'created' },
  },
  {
    name: 'who is in the list again lives again; an id may be a number',
    events: [
      message('envelope-sent', {
        status: 'sent',
        changed: at(0),
        generated: at(10),
        recipients: [
          [1, 'sent'],
          [2, 'sent'],
        ],
      }),
      message('envelope-corrected', {
        status: 'sent',
        changed: at(20),
        generated: at(30),
        recipients: [[1, 'sent']],
      }),
      message('envelope-resent', {
        status: 'sent',
        changed: at(20),
        generated: at(50),
        recipients: [
          [1, 'sent'],
          [2, 'created'],
        ],
      }),
    ],
    envelope: { status: 'sent' },
    recipients: { '1': 'sent', '2': 'created' },
  },
  {
    name: 'a list that may not be whole takes nobody out',
    events: [
      message('envelope-sent', {
        status: 'sent',
        changed: at(0),
        generated: at(10),
        recipients: [
          ['1', 'sent'],
          ['2', 'sent'],
        ],
      }),
      message('envelope-resent', { status: 'sent', changed: at(0), generated: at(20), recipients: [] }),
      message('envelope-resent', {
        status: 'sent',
        changed: at(0),
        generated: at(30),
        recipients: [['1', 'sent']],
        count: 2,
      }),
    ],
    envelope: { status: 'sent' },
    recipients: { '1': 'sent', '2': 'sent' },
  },
  {
    name: 'a list without anyone takes everyone out, where it says that it counts none',
    events: [
      message('envelope-created', {
        status: 'created',
        changed: at(0),
        generated: at(10),
        recipients: [['1', 'created']],
      }),
      message('envelope-corrected', { status: 'created', changed: at(0), generated: at(20), count: '0' }),
    ],
    envelope: { status: 'created' },
    recipients: { '1': 'deleted' },
  },
];

// The tests share one database; each run has its own firm.
const harness = await startHarness(t, { receivers: 0, workers: 0 });
const run = openApplier(t, harness);

t.test('every order of arrival ends in the same rows, one by one and in one group', async (t) => {
  for (const [n, { name, events, envelope, recipients = {} }] of cases.entries())
    await t.test(name, async (t) => {
      for (const [i, order] of permutations(events).entries())
        for (const groups of [1, order.length]) {
          const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
          await run(endpoint, order, { groups, mark: `~${n}-${i}-${groups}` });
          const how = `${order.map(({ event }) => event.type).join(', ')}, in ${groups}`;
          const [row] = await harness.sql('SELECT * FROM esignature_envelopes WHERE firm_id = $1', [
            endpoint.firmId,
          ]);
          t.match(row, envelope, how);
          if (Object.keys(recipients).length > 0)
            t.same(await statusesOf(endpoint.firmId as string), recipients, how);
        }
    });
});

t.test('a recipient who signed stays, whatever a later list says', async (t) => {
  const signed = message('recipient-completed', {
    status: 'sent',
    changed: at(0),
    generated: at(10),
    recipients: [
      ['1', 'completed'],
      ['2', 'sent'],
    ],
  });
  const without = message('envelope-corrected', {
    status: 'sent',
    changed: at(20),
    generated: at(30),
    recipients: [['2', 'sent']],
  });
  for (const [i, order] of permutations([signed, without]).entries()) {
    const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
    await run(endpoint, order, { mark: `~s${i}` });
    t.same(await statusesOf(endpoint.firmId as string), { '1': 'completed', '2': 'sent' });
  }
});

t.test('in one group each event has its own history row, and a late event none', async (t) => {
  const { events } = cases[3] as Case;
  for (const [i, order] of permutations(events).entries())
    for (const groups of [1, events.length]) {
      const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
      await run(endpoint, order, { groups, mark: `~g${i}-${groups}` });
      const twice = await harness.sql(
        `SELECT event_id, entity_id FROM domain_changes WHERE firm_id = $1 GROUP BY 1, 2 HAVING count(*) > 1`,
        [endpoint.firmId],
      );
      t.same(twice, [], `order ${i} in ${groups}`);
      const [last] = await harness.sql<{ status: string }>(
        `SELECT c.change ->> 'status' AS status FROM domain_changes c JOIN esignature_recipients r ON r.id = c.entity_id
         WHERE c.firm_id = $1 AND r.external_id = 'env-1|2' ORDER BY c.id DESC LIMIT 1`,
        [endpoint.firmId],
      );
      t.equal(last?.status, 'deleted', 'the history ends as the row does');
    }
});

t.test('the history names the removed recipient and the event that removed it', async (t) => {
  const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
  const { events } = cases[3] as Case;
  for (const [i, event] of events.entries()) await run(endpoint, [event], { mark: `~h${i}` });
  const rows = await harness.sql<{ event_id: string; entity_type: string; status: string }>(
    `SELECT c.event_id, c.entity_type, c.change ->> 'status' AS status FROM domain_changes c
     JOIN esignature_recipients r ON r.id = c.entity_id WHERE r.external_id = 'env-1|2' AND c.firm_id = $1 ORDER BY c.id`,
    [endpoint.firmId],
  );
  t.match(rows, [
    { entity_type: 'recipient', status: 'created' },
    { entity_type: 'recipient', status: 'deleted', event_id: /~h2$/ },
  ]);
  t.equal(rows.length, 2);
  t.same(
    await harness.sql(`SELECT 1 FROM domain_changes WHERE entity_type = 'recipient_list'`),
    [],
    'the list itself is a note',
  );
});

async function statusesOf(firmId: string): Promise<Record<string, string>> {
  const rows = await harness.sql<{ external_id: string; status: string }>(
    'SELECT external_id, status FROM esignature_recipients WHERE firm_id = $1 ORDER BY external_id',
    [firmId],
  );
  return Object.fromEntries(rows.map((row) => [row.external_id.split('|')[1], row.status]));
}
