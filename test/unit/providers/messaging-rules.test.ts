import type { Provider } from '@semel/core';
import { bareEnvelopeOf, providerNamed } from '@semel/providers';
import t from 'tap';
import { buildEvent, startMs } from '../../support/histories.js';

// The rules of DocuSign and Twilio, one by one.

const docusign = providerNamed('docusign') as Provider;
const twilio = providerNamed('twilio') as Provider;

const startNs = BigInt(startMs) * 1_000_000n;

const optOut = (Body: string, OptOutType?: string) => {
  const { event, body } = buildEvent('twilio', 'inbound', { Body, OptOutType });
  return twilio.changesOf(event, body).changes.find(({ entity }) => entity === 'opt_out');
};

t.test('Twilio: a message that is only a keyword opts out or in', async (t) => {
  for (const word of ['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPTOUT'])
    for (const text of [word, word.toLowerCase(), `  ${word}\n`])
      t.match(optOut(text), {
        externalId: '+12015550100|+12015550123',
        fields: { opted_out: true, opted_out_at: new Date(startMs).toISOString() },
        order: { rank: 0, timeNs: 0n, step: [] },
      });
  for (const word of ['START', 'YES', 'UNSTOP', 'start ', 'yes'])
    t.match(optOut(word), { fields: { opted_out: false, opted_out_at: null } });
  for (const text of ['HELP', 'INFO', '', 'please stop', 'STOP.', 'STOP STOP', 'constructor', 'NO'])
    t.equal(optOut(text), undefined, text);
});

t.test('Twilio: OptOutType wins over keywords', async (t) => {
  t.match(optOut('YES', 'STOP'), { fields: { opted_out: true } });
  t.match(optOut('STOP', 'START'), { fields: { opted_out: false } });
  t.equal(optOut('STOP', 'HELP'), undefined);
  t.match(optOut('STOP', 'something new'), { fields: { opted_out: true } }, 'one that nobody knows is none');
  const { event, body } = buildEvent('twilio', 'status:sent', { Body: 'STOP', OptOutType: 'STOP' });
  t.notOk(
    twilio.changesOf(event, body).changes.some(({ entity }) => entity === 'opt_out'),
    'a callback is nothing that they wrote',
  );
});

t.test('DocuSign: steps that are not a status are stored as times', async (t) => {
  const changes = (type: string, overrides = {}) => {
    const { event, body } = buildEvent('docusign', type, { id: 'env-1', ...overrides });
    return docusign.changesOf(event, body).changes;
  };
  for (const [type, column] of [
    ['envelope-corrected', 'corrected_at'],
    ['envelope-resent', 'resent_at'],
    ['envelope-purge', 'purged_at'],
    ['envelope-deleted', 'deleted_at'],
  ] as const) {
    const [envelope, ...others] = changes(type, { envelopeSummary: undefined });
    t.match(envelope, {
      fields: {},
      order: { rank: -1 },
      latest: { [column]: new Date(startMs).toISOString() },
    });
    t.same(others, []);
    t.match(changes(type, { status: 'completed' })[0], {
      fields: { status: 'completed' },
      order: { rank: 11, timeNs: startNs },
    });
  }
  for (const type of ['envelope-reminder-sent', 'envelope-removed', 'envelope-of-days-to-come'])
    t.match(
      changes('envelope-sent', { envelopeSummary: undefined, $event: { event: type } }),
      [{ fields: {}, latest: undefined, order: { rank: -1 } }],
      `${type} tells of no status`,
    );
  t.match(
    changes('envelope-deleted', { status: 'deleted' })[0],
    { order: { rank: 9, timeNs: startNs } },
    'a draft that is gone',
  );
});

t.test('DocuSign: a recipient has a role, an order, times and a reason', async (t) => {
  const { event, body } = buildEvent('docusign', 'recipient-declined', { id: 'env-1' });
  t.match(
    docusign.changesOf(event, body).changes.map(({ entity, externalId }) => [entity, externalId]),
    [
      ['envelope', 'env-1'],
      ['recipient', 'env-1|1'],
      ['recipient', 'env-1|2'],
    ],
  );
  t.match(docusign.changesOf(event, body).changes[1], {
    fields: {
      status: 'declined',
      role_type: 'signer',
      routing_order: 1,
      declined_reason: 'Terms are not agreed',
    },
    order: { rank: 11, timeNs: startNs + 678_900n },
  });
  const odd = { recipientId: '9', status: 'sent', routingOrder: '-1' };
  const strange = buildEvent('docusign', 'envelope-sent', { id: 'env-1', recipients: { oddities: [odd] } });
  t.match(docusign.changesOf(strange.event, strange.body).changes[1], { fields: { routing_order: null } });
});

t.test('DocuSign: a message without envelope data is bare', async (t) => {
  const bare = (type: string, overrides: Record<string, unknown>) =>
    bareEnvelopeOf(buildEvent('docusign', type, overrides).event);
  const id = '11111111-1111-4111-8111-111111111111';
  t.match(bare('envelope-sent', { id, envelopeSummary: undefined }), {
    ref: { entity: 'envelope', externalId: id },
  });
  t.match(bare('recipient-sent', { id, envelopeSummary: undefined }), { ref: { externalId: id } });
  t.equal(bare('envelope-sent', { id }), null);
  t.equal(
    bare('envelope-sent', { id: '../x', envelopeSummary: undefined }),
    null,
    'nothing that changes an address',
  );
  t.equal(bareEnvelopeOf(buildEvent('twilio', 'inbound', {}).event), null);
});
