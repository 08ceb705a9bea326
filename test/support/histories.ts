import type { Provider, WebhookEvent } from '@semel/core';
import { providerNamed } from '@semel/providers';
import fc from 'fast-check';
import { toEvent } from './create-event.js';

/** One event of an object's history, as it would be in the queue. */
export interface BuiltEvent {
  event: WebhookEvent;
  body: Buffer;
}

export const startMs = Date.UTC(2026, 0, 15, 12);

export function buildEvent(
  providerName: string,
  type: string,
  overrides: Record<string, unknown>,
  { nowMs = startMs, receivedAtMs = startMs }: { nowMs?: number; receivedAtMs?: number } = {},
): BuiltEvent {
  const provider = providerNamed(providerName) as Provider;
  const sample = provider.samples.find((candidate) => candidate.type === type);
  if (sample === undefined) throw new Error(`no sample ${type}`);
  const { body } = sample.build({ account: null, nowMs, overrides });
  const event = toEvent({ provider, id: '' }, { body, channel: sample.channel }, { receivedAtMs });
  // A counterexample in bytes would be pages long.
  const text = () => `${type} ${event.eventId} ${JSON.stringify(overrides)}`;
  return { event, body, [fc.toStringMethod]: text } as BuiltEvent;
}

/** One event per id: of two messages with the same id, the first. */
const once = (history: readonly BuiltEvent[]): BuiltEvent[] =>
  [...new Map([...history].reverse().map((built) => [built.event.eventId, built])).values()].reverse();

const ends = ['completed', 'declined', 'voided'] as const;

/** A DocuSign envelope: some of its steps in order, with or without data, and at most one final status. */
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
    const build = (type: string, bare: boolean, configurationId: number, overrides = {}) =>
      buildEvent(
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
      return build(
        type,
        bare,
        configurationId,
        type === 'recipient-completed' ? { status: 'delivered' } : {},
      );
    });
    nowMs += 1000;
    if (end) history.push(build(`envelope-${end}`, bareEnd, 1));
    for (const type of end ? after : []) {
      nowMs += 1000;
      history.push(build(type, false, 1, { status: end }));
    }
    return { history: once(history), end };
  });

/** An outgoing message: some of its statuses, once each, and at most one final status. */
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
    const build = (status: string) =>
      status === 'teleported'
        ? buildEvent('twilio', 'status:queued', { id: sid, MessageStatus: status, SmsStatus: status })
        : buildEvent('twilio', `status:${status}`, { id: sid });
    const statuses = [...steps, ...(end ? [end] : []), ...(end === 'delivered' && isRead ? ['read'] : [])];
    return { history: statuses.map(build), end: end ? statuses.at(-1) : null };
  });

/** One client's messages to one of our numbers, in order of receipt; some in the same millisecond. */
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
      return buildEvent('twilio', 'inbound', overrides, { receivedAtMs });
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
