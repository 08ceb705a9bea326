import { randomUUID } from 'node:crypto';
import type { Sample } from '@semel/core';
import { jsonBody, splitOverrides } from '../sample.js';
import { envelopeSummary } from './sample-objects.js';

/** Members of `data`; all other overrides belong to its `envelopeSummary`. */
const dataMembers = ['accountId', 'userId', 'recipientId', 'envelopeId'] as const;

/**
 * Overrides: `envelopeId` (or `id`), `accountId`, `userId`, `recipientId` of `data`; any other name is a field of
 * `data.envelopeSummary`, and `envelopeSummary: undefined` leaves it out. `$event` for the message around them
 * (`{ $event: { generatedDateTime: '…', retryCount: 1 } }`); the event id follows from these values.
 */
const sample = (type: string, status: string, description: string): Sample => ({
  type,
  channel: null,
  description,
  build({ account, nowMs, overrides }) {
    const { envelope, object } = splitOverrides(overrides);
    const { id, ...rest } = object;
    const given = id === undefined ? rest : { envelopeId: id, ...rest };
    const inData = Object.fromEntries(Object.entries(given).filter(([name]) => isDataMember(name)));
    const inSummary = Object.fromEntries(Object.entries(given).filter(([name]) => !isDataMember(name)));
    const data = {
      accountId: account ?? '00000000-0000-4000-8000-0000000000ac',
      userId: '00000000-0000-4000-8000-0000000000ff',
      envelopeId: randomUUID() as unknown,
      ...(type.startsWith('recipient-') ? { recipientId: '1' } : {}),
      ...inData,
    };
    const summary = { ...envelopeSummary(String(data.envelopeId), status, nowMs), ...inSummary };
    return jsonBody({
      event: type,
      apiVersion: 'v2.1',
      uri: `/restapi/v2.1/accounts/${data.accountId}/envelopes/${data.envelopeId}`,
      retryCount: 0,
      configurationId: 10_456_721,
      generatedDateTime: new Date(nowMs).toISOString().replace('Z', '6789Z'),
      data: {
        ...data,
        ...('envelopeSummary' in given
          ? { envelopeSummary: given.envelopeSummary }
          : { envelopeSummary: summary }),
      },
      ...envelope,
    });
  },
});

/** A message that is not about an envelope. Overrides: the members of `data`; `$event` for the message around them. */
const otherSample = (type: string, description: string, kind: string): Sample => ({
  type,
  channel: null,
  description,
  build({ account, nowMs, overrides }) {
    const { envelope, object } = splitOverrides(overrides);
    const { id = randomUUID(), ...rest } = object;
    const accountId = account ?? '00000000-0000-4000-8000-0000000000ac';
    return jsonBody({
      event: type,
      apiVersion: 'v2.1',
      uri: `/restapi/v2.1/accounts/${accountId}/${kind}s/${id}`,
      retryCount: 0,
      configurationId: 10_456_721,
      generatedDateTime: new Date(nowMs).toISOString().replace('Z', '6789Z'),
      data: { accountId, userId: '00000000-0000-4000-8000-0000000000ff', [`${kind}Id`]: id, ...rest },
      ...envelope,
    });
  },
});

const isDataMember = (name: string) => (dataMembers as readonly string[]).includes(name);

export const samples: readonly Sample[] = [
  sample('envelope-created', 'created', 'A draft envelope'),
  sample('envelope-sent', 'sent', 'The envelope went out'),
  sample('envelope-delivered', 'delivered', 'A recipient opened the envelope'),
  sample('envelope-completed', 'completed', 'Everyone has signed'),
  sample('envelope-declined', 'declined', 'A recipient declined to sign'),
  sample('envelope-voided', 'voided', 'The sender voided the envelope'),
  sample('envelope-corrected', 'sent', 'The sender corrected the envelope while it was out'),
  sample('envelope-resent', 'sent', 'The invitation went out once more'),
  sample('envelope-reminder-sent', 'sent', 'A reminder went out'),
  sample('envelope-purge', 'completed', 'The documents are being deleted for good'),
  sample('envelope-deleted', 'completed', 'The envelope went to the bin; its status stays'),
  sample('envelope-discard', 'created', 'The draft was thrown away'),
  sample('envelope-removed', 'completed', 'The envelope was taken out of the account'),
  sample('recipient-sent', 'sent', 'A recipient was invited'),
  sample('recipient-delivered', 'delivered', 'A recipient opened the documents'),
  sample('recipient-completed', 'completed', 'A recipient has signed'),
  sample('recipient-declined', 'declined', 'A recipient declined, and says why'),
  sample(
    'recipient-autoresponded',
    'sent',
    "A recipient's mailbox answered by itself, or refused the invitation",
  ),
  sample('recipient-authenticationfailed', 'delivered', 'A recipient could not prove who they are'),
  sample('recipient-delegate', 'sent', 'A recipient handed the signing to someone else'),
  sample('recipient-reassign', 'sent', 'A recipient was replaced by someone else'),
  sample('recipient-resent', 'sent', 'A recipient was invited once more'),
  sample('recipient-finish-later', 'delivered', 'A recipient stopped, and may come back'),
  otherSample('template-created', 'A template was made; it is recorded, and changes nothing', 'template'),
  otherSample(
    'click-agreed',
    'Someone agreed to a clickwrap; it is recorded, and changes nothing',
    'clickwrap',
  ),
];
