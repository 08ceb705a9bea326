import type { Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import t from 'tap';
import { eventOf } from './deliveries.js';

// Connect sends more than envelopes through one configuration. A refused message would be retried for days and delay
// later ones: such a message is accepted, gets an id, and changes nothing.

const docusign = providerNamed('docusign') as Provider;
const identify = (message: unknown) =>
  docusign.identify(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)), null);
const idOf = (message: unknown) => identify(message).eventId;

const generatedDateTime = '2026-11-21T15:00:00.1234567Z';
const template = {
  event: 'template-modified',
  apiVersion: 'v2.1',
  uri: '/restapi/v2.1/accounts/acc-1/templates/t-1',
  retryCount: 0,
  configurationId: 10_456_721,
  generatedDateTime,
  data: { accountId: 'acc-1', userId: 'u-1', templateId: 't-1' },
};

t.test('a message that is not about an envelope gets an id, and is ignored', async (t) => {
  for (const [message, account] of [
    [template, 'acc-1'],
    [{ ...template, event: 'template-created', data: { templateId: 't-1' } }, 'acc-1'],
    [{ event: 'click-agreed', uri: '/clickapi/v1/accounts/acc-2/clickwraps/c', data: {} }, 'acc-2'],
    [{ event: 'sms-opt-out', generatedDateTime, data: { accountId: 'acc-3', phoneNumber: '+1' } }, 'acc-3'],
    [{ event: 'navigator-agreement-extracted', accountId: 'acc-4', data: { agreementId: 7 } }, 'acc-4'],
    [{ event: 'something-of-days-to-come' }, null],
    [{ event: 'aow-step', data: [1, 2], configurationId: {}, generatedDateTime: true }, null],
    [{ event: 'template-created', data: { accountId: { id: 1 } } }, null],
  ] as const) {
    const identity = identify(message);
    t.match(identity, { eventId: /^ds_[0-9a-f]{40}$/, type: message.event, account });
    const event = eventOf(docusign, Buffer.from(JSON.stringify(message)), null);
    t.same(docusign.changesOf(event, Buffer.from(JSON.stringify(message))), {
      changes: [],
      links: {},
      ignored: 'type_not_handled',
    });
  }
  t.equal(identify(template).createdAtMs, Date.UTC(2026, 10, 21, 15, 0, 0, 123));
});

t.test('a retry has the same id, another message another id', async (t) => {
  const timeless = {
    event: 'click-agreed',
    retryCount: 0,
    data: { accountId: 'a', agreement: { a: 1, b: [2] } },
  };
  for (const message of [template, timeless]) {
    t.equal(idOf({ ...message, retryCount: 3 }), idOf(message));
    t.equal(
      idOf({ ...message, data: { ...message.data, retryCount: 3 } }),
      idOf(message),
      'wherever it stands',
    );
    t.not(idOf({ ...message, event: 'template-deleted' }), idOf(message));
    t.not(idOf({ ...message, data: { ...message.data, accountId: 'b' } }), idOf(message));
  }
  t.equal(
    idOf({ event: 'click-agreed', data: { agreement: { b: [2], a: 1 }, accountId: 'a' } }),
    idOf(timeless),
    'the order of members says nothing',
  );
  t.not(
    idOf({ ...timeless, data: { accountId: 'a', agreement: { a: 1, b: [3] } } }),
    idOf(timeless),
    'without a time all of it counts',
  );
  t.not(idOf({ ...template, generatedDateTime: '2026-11-21T15:00:00.1234568Z' }), idOf(template));
  t.not(idOf({ ...template, data: { ...template.data, phoneNumber: '+12' } }), idOf(template));
  const nested = (id: string) => ({ ...template, data: { ...template.data, agreement: { id, at: 'any' } } });
  t.not(idOf(nested('1')), idOf(nested('2')), 'two of one moment');
  const large = (id: string) => `{"event":"click-agreed","data":{"agreementId":${id}}}`;
  t.not(
    idOf(large('9007199254740993')),
    idOf(large('9007199254740992')),
    'numbers count as they are written',
  );
  const deep = (text: string) =>
    `{"event":"click-agreed","data":${'['.repeat(5_000)}${text}${']'.repeat(5_000)}}`;
  t.match(idOf(deep('1')), /^ds_/, 'no depth ends the process');
});

t.test('a message without identifying fields is malformed', async (t) => {
  for (const message of [
    {},
    { event: '' },
    { event: '', data: { accountId: 'a', envelopeId: 'e' } },
    { event: 'envelope-sent', data: { accountId: 'a' } },
    { event: 'recipient-sent', data: { envelopeId: 'e' } },
    { data: { templateId: 't' } },
    [],
    'null',
    '{',
  ])
    t.throws(() => identify(message), { code: 'malformed' } as never, JSON.stringify(message));
});
