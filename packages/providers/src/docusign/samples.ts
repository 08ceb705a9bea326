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
const sample = (status: string, description: string): Sample => ({
  type: `envelope-${status}`,
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
      ...inData,
    };
    const summary = { ...envelopeSummary(String(data.envelopeId), status, nowMs), ...inSummary };
    return jsonBody({
      event: `envelope-${status}`,
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

const isDataMember = (name: string) => (dataMembers as readonly string[]).includes(name);

export const samples: readonly Sample[] = [
  sample('sent', 'The envelope went out'),
  sample('delivered', 'A recipient opened the envelope'),
  sample('completed', 'Everyone has signed'),
  sample('declined', 'A recipient declined to sign'),
  sample('voided', 'The sender voided the envelope'),
];
