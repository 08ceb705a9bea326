import type { Provider, WebhookEvent } from '@semel/core';
import { providerNamed } from '@semel/providers';
import fc from 'fast-check';

/** One event of an object's history, as it would be in the queue. */
export interface Told {
  event: WebhookEvent;
  body: Buffer;
}

export const startMs = Date.UTC(2026, 0, 15, 12);
const owner = '00000000-0000-4000-8000-000000000001';

export function tell(
  providerName: string,
  type: string,
  overrides: Record<string, unknown>,
  { nowMs = startMs, receivedAtMs = startMs }: { nowMs?: number; receivedAtMs?: number } = {},
): Told {
  const provider = providerNamed(providerName) as Provider;
  const sample = provider.samples.find((candidate) => candidate.type === type);
  if (sample === undefined) throw new Error(`no sample ${type}`);
  const { body } = sample.build({ account: null, nowMs, overrides });
  const event: WebhookEvent = {
    v: 2,
    firmId: owner,
    provider: providerName,
    ...provider.identify(body, sample.channel),
    channel: sample.channel,
    endpointId: '',
    receivedAtMs,
    body: { base64: body.toString('base64') },
    sha256: '0'.repeat(64),
    ignored: null,
  };
  // A counterexample of bytes would be pages long.
  const text = () => `${type} ${event.eventId} ${JSON.stringify(overrides)}`;
  return { event, body, [fc.toStringMethod]: text } as Told;
}

/** One id is one event: of two messages that differ in nothing that names them, the first. */
const once = (history: readonly Told[]): Told[] =>
  [...new Map([...history].reverse().map((told) => [told.event.eventId, told])).values()].reverse();

const ends = ['completed', 'declined', 'voided'] as const;

/** A DocuSign envelope: some of its steps, with data or without, in the order in which they happened, at most one end. */
export const envelopeHistories = fc
  .record({
    steps: fc.array(
      fc.record({
        type: fc.constantFrom(
          'envelope-sent',
          'envelope-delivered',
          'envelope-corrected',
          'envelope-resent',
          'recipient-sent',
          'recipient-delivered',
          'recipient-completed',
          'recipient-autoresponded',
          'recipient-finish-later',
        ),
        bare: fc.boolean(),
        gapMs: fc.constantFrom(0, 1, 1000, 60_000, 3 * 365 * 86_400_000),
        configurationId: fc.constantFrom(1, 2),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    end: fc.option(fc.constantFrom(...ends)),
    bareEnd: fc.boolean(),
    after: fc.subarray(['envelope-purge', 'envelope-deleted', 'recipient-resent']),
  })
  .map(({ steps, end, bareEnd, after }) => {
    let nowMs = startMs;
    const told = (type: string, bare: boolean, configurationId: number, overrides = {}) =>
      tell(
        'docusign',
        type,
        {
          id: 'env-1',
          ...(bare ? { envelopeSummary: undefined } : overrides),
          $event: { configurationId },
        },
        { nowMs },
      );
    const history = steps.map(({ type, bare, gapMs, configurationId }) => {
      nowMs += gapMs;
      return told(type, bare, configurationId, type === 'recipient-completed' ? { status: 'delivered' } : {});
    });
    nowMs += 1000;
    if (end) history.push(told(`envelope-${end}`, bareEnd, 1));
    for (const type of end ? after : []) {
      nowMs += 1000;
      history.push(told(type, false, 1, { status: end }));
    }
    return { history: once(history), end };
  });

/** A message that we sent: some of its statuses, once each, and at most one end. */
export const messageHistories = fc
  .record({
    steps: fc.subarray(['accepted', 'scheduled', 'queued', 'sending', 'sent', 'teleported'], {
      minLength: 1,
    }),
    end: fc.option(fc.constantFrom('delivered', 'undelivered', 'failed', 'canceled')),
    isRead: fc.boolean(),
  })
  .map(({ steps, end, isRead }) => {
    const sid = `SM${'a'.repeat(32)}`;
    const told = (status: string) =>
      status === 'teleported'
        ? tell('twilio', 'status:queued', { id: sid, MessageStatus: status, SmsStatus: status })
        : tell('twilio', `status:${status}`, { id: sid });
    const statuses = [...steps, ...(end ? [end] : []), ...(end === 'delivered' && isRead ? ['read'] : [])];
    return { history: statuses.map(told), end: end ? statuses.at(-1) : null };
  });

/** What one client writes to one of our numbers, in the order of receipt; some at the very same millisecond. */
export const conversationHistories = fc
  .array(
    fc.record({
      text: fc.constantFrom(
        'STOP',
        ' stop ',
        'StopAll',
        'REVOKE',
        'start',
        'YES',
        'Unstop',
        'HELP',
        'please stop',
        'Hello',
      ),
      optOutType: fc.constantFrom(undefined, undefined, 'STOP', 'START', 'HELP'),
      gapMs: fc.constantFrom(0, 0, 1, 60_000),
      channel: fc.constantFrom('', '', 'whatsapp:'),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((messages) => {
    let receivedAtMs = startMs;
    return messages.map(({ text, optOutType, gapMs, channel }, i) => {
      receivedAtMs += gapMs;
      const overrides = {
        id: `SM${i.toString(16).padStart(32, '0')}`,
        Body: text,
        OptOutType: optOutType,
        From: `${channel}+12015550123`,
        To: `${channel}+12015550100`,
      };
      return tell('twilio', 'inbound', overrides, { receivedAtMs });
    });
  });

/** The same events in another order, some of them twice. */
export const shuffled = <T>(items: readonly T[]): fc.Arbitrary<T[]> =>
  fc
    .tuple(fc.shuffledSubarray([...items], { minLength: items.length }), fc.shuffledSubarray([...items]))
    .chain(([all, again]) =>
      fc.array(fc.nat(all.length), { minLength: again.length, maxLength: again.length }).map((places) => {
        const mixed = [...all];
        for (const [i, place] of places.entries()) mixed.splice(place, 0, again[i] as T);
        return mixed;
      }),
    );
