import type { Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { type Model, stateOf, step } from '../../support/guard-model.js';
import {
  type BuiltEvent,
  conversationHistories,
  envelopeHistories,
  messageHistories,
  shuffled,
} from '../../support/histories.js';

// In any order and with repetitions, an object ends as if its events had come in order, and a final state stays.

const numRuns = 1500;
const seed = Number.isSafeInteger(Number(process.env.FC_SEED))
  ? Number(process.env.FC_SEED)
  : Date.now() & 0xffffff;
const docusign = providerNamed('docusign') as Provider;
const twilio = providerNamed('twilio') as Provider;

function play(
  provider: Provider,
  events: readonly BuiltEvent[],
  look: (rows: Model) => void = () => undefined,
): Model {
  const rows: Model = new Map();
  const seen = new Set<string>();
  for (const { event, body } of events) {
    if (seen.has(event.eventId)) continue; // the ledger drops duplicates
    seen.add(event.eventId);
    step(rows, event, provider.changesOf(event, body).changes);
    look(rows);
  }
  return rows;
}

/** Fails the run if a row leaves its final state. */
const endsStay = (entity: string, isEnd: (status: unknown) => boolean) => {
  const ended = new Map<string, unknown>();
  return (rows: Model) => {
    for (const [key, { fields }] of rows) {
      if (!key.startsWith(`${entity} `)) continue;
      if (ended.has(key) && !isEnd(fields.status))
        throw new Error(`${ended.get(key)} became ${fields.status}`);
      if (isEnd(fields.status)) ended.set(key, fields.status);
    }
  };
};

const same = (a: Model, b: Model) => {
  const [x, y] = [JSON.stringify(stateOf(a)), JSON.stringify(stateOf(b))];
  if (x !== y) throw new Error(`${x}\nis not\n${y}`);
};

function holds(t: Test, property: fc.IProperty<never> | fc.IProperty<unknown>): void {
  t.comment(`seed ${seed}`);
  t.doesNotThrow(() => fc.assert(property as fc.IProperty<unknown>, { seed, numRuns }));
}

t.test('DocuSign: an envelope and its recipients end the same in any order', async (t) => {
  const isEnd = (status: unknown) => ['completed', 'declined', 'voided'].includes(String(status));
  const cases = envelopeHistories.chain((events) => fc.tuple(fc.constant(events), shuffled(events.history)));
  holds(
    t,
    fc.property(cases, ([{ history, end }, order]) => {
      const expected = play(docusign, history, endsStay('envelope', isEnd));
      same(play(docusign, order, endsStay('envelope', isEnd)), expected);
      const status = expected.get('envelope env-1')?.fields.status ?? null;
      if (end && status !== end) throw new Error(`${end} ended as ${status}`);
    }),
  );
});

t.test('Twilio: a message ends the same in any order', async (t) => {
  const isEnd = (status: unknown) =>
    ['delivered', 'undelivered', 'failed', 'canceled', 'read'].includes(String(status));
  const cases = messageHistories.chain((events) => fc.tuple(fc.constant(events), shuffled(events.history)));
  holds(
    t,
    fc.property(cases, ([{ history, end }, order]) => {
      const rows = play(twilio, order, endsStay('message', isEnd));
      same(rows, play(twilio, history, endsStay('message', isEnd)));
      const status = rows.get(`message SM${'a'.repeat(32)}`)?.fields.status;
      if (end && status !== end) throw new Error(`${end} ended as ${status}`);
    }),
  );
});

t.test('Twilio: opt-outs end the same in any order', async (t) => {
  const cases = conversationHistories.chain((events) => fc.tuple(fc.constant(events), shuffled(events)));
  holds(
    t,
    fc.property(cases, ([history, order]) => {
      same(play(twilio, order), play(twilio, history));
    }),
  );
});

t.test('two objects of one firm do not affect each other', async (t) => {
  const cases = fc
    .tuple(messageHistories, conversationHistories)
    .chain(([message, events]) =>
      fc.tuple(fc.constant([...message.history, ...events]), shuffled([...message.history, ...events])),
    );
  holds(
    t,
    fc.property(cases, ([history, order]) => same(play(twilio, order), play(twilio, history))),
  );
});
