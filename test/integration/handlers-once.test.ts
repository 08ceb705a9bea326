import {
  type ApplyItem,
  type ApplyPorts,
  type Provider,
  type Sample,
  StoreUnavailableError,
  type WebhookEvent,
} from '@semel/core';
import { applyStore } from '@semel/database';
import { type DefinedHandler, defineHandler } from '@semel/handlers';
import { providers } from '@semel/providers';
import fc from 'fast-check';
import t from 'tap';
import { createEventHandlers } from '../../apps/worker/src/handling/run-handlers.js';
import { openWorkerPool } from '../support/apply-directly.js';
import { toEvent } from '../support/create-event.js';
import { startHarness, type TestEndpoint } from '../support/harness.js';
import { planAndApply } from '../support/plan-and-apply.js';

// A handler's work is committed once for every event of its type, whatever other events of the object came before it,
// in whatever order, and whatever crashed on the way.

const seed = Number(process.env.FC_SEED) || Date.now() & 0xffffff;
const startMs = Date.UTC(2026, 0, 15, 12);

/** One failure of an event; afterwards the event is retried. */
type Mishap = 'none' | 'handler throws' | 'dies before the commit' | 'dies after the commit';

interface Scenario {
  types: [number, number];
  swapped: boolean;
  idsSwapped: boolean;
  mishaps: [Mishap, Mishap];
  /** Both events in one job group, with an event that can't be applied between them. */
  together: boolean;
  redelivered: boolean;
}

const mishap = fc.constantFrom<Mishap>(
  'none',
  'none',
  'handler throws',
  'dies before the commit',
  'dies after the commit',
);

t.test('each handler is committed once per event', async (t) => {
  t.comment(`seed ${seed}`);
  const harness = await startHarness(t, { receivers: 0, workers: 0 });
  const pool = openWorkerPool(harness);
  t.teardown(() => pool.end());
  await harness.sql(`
    CREATE TABLE runs (firm_id uuid NOT NULL, event_id text NOT NULL, handler text NOT NULL);
    GRANT INSERT ON runs TO semel_worker`);
  const firm = await harness.addFirm();
  /** Event ids whose handler throws, or whose transaction ends badly, the next time. */
  const due = new Map<string, Mishap>();

  const createHandler = (provider: Provider, type: string, name: string, when?: 'changed'): DefinedHandler =>
    defineHandler(
      provider.name,
      type,
      async ({ tx, firm, facts }) => {
        await tx.query('INSERT INTO runs VALUES ($1, $2, $3)', [firm.id, facts.eventId, name]);
        if (due.get(facts.eventId) !== 'handler throws' || name !== 'second') return;
        due.delete(facts.eventId);
        throw new Error('not this time');
      },
      { name, ...(when ? { when } : {}) },
    );

  function portsOf(provider: Provider): ApplyPorts {
    const transaction = applyStore(pool, provider);
    const handlers = [
      createHandler(provider, '*', 'first'),
      createHandler(provider, '*', 'second'),
      createHandler(provider, '*', 'changed', 'changed'),
    ];
    const dies = (items: readonly string[], at: Mishap) => {
      const id = items.find((eventId) => due.get(eventId) === at);
      if (id === undefined) return;
      due.delete(id);
      throw new StoreUnavailableError('postgres', new Error(at));
    };
    return {
      provider,
      handlers: createEventHandlers({ provider, handlers, timeoutMs: 5_000, onSkipped: () => undefined }),
      transaction: async (firmIds, work) => {
        const ids: string[] = [];
        const result = await transaction(firmIds, async (tx) => {
          const done = await work({
            ...tx,
            insertLedger: (rows) => {
              ids.push(...rows.map(({ event }) => event.eventId));
              return tx.insertLedger(rows);
            },
          });
          dies(ids, 'dies before the commit');
          return done;
        });
        dies(ids, 'dies after the commit');
        return result;
      },
      claimsDone: async () => undefined,
      claimsReleased: async () => undefined,
    };
  }

  for (const provider of providers)
    await t.test(provider.name, async (t) => {
      const endpoint = await harness.addEndpoint(provider.name, firm);
      const ports = portsOf(provider);
      let made = 0;

      /** Like the worker: retries failed and interrupted jobs until each job has ended. */
      async function drain(events: readonly WebhookEvent[], together: boolean): Promise<void> {
        let left = events.map((event): ApplyItem => ({ event, attempt: 1, lastAttempt: false }));
        for (let round = 0; left.length > 0; round++) {
          if (round === 6) throw new Error(`${left.map(({ event }) => event.eventId)} never ended`);
          const again: ApplyItem[] = [];
          for (const group of together ? [left] : left.map((item) => [item])) {
            const results = await planAndApply(ports, group).catch((error: unknown) => {
              if (error instanceof StoreUnavailableError) return null;
              throw error;
            });
            for (const [i, item] of group.entries()) {
              const outcome = results?.[i]?.outcome ?? 'cut off';
              if (outcome === 'failed' || outcome === 'cut off')
                again.push({ ...item, attempt: item.attempt + 1, lastAttempt: item.attempt > 3 });
            }
          }
          left = again;
        }
      }

      async function holds(scenario: Scenario): Promise<void> {
        made++;
        const [first, second] = scenario.types.map((at) => provider.samples[at] as Sample) as [
          Sample,
          Sample,
        ];
        const marks = scenario.idsSwapped ? ['b', 'a'] : ['a', 'b'];
        const events = [first, second].map((sample, i) =>
          toMarkedEvent(endpoint, sample, idOf(provider, made), `${marks[i]}${made}`),
        );
        for (const [i, event] of events.entries()) due.set(event.eventId, scenario.mishaps[i] as Mishap);
        const order = scenario.swapped ? events.toReversed() : events;
        const poison = toMarkedEvent(endpoint, first, idOf(provider, made), `c${made}`, Buffer.from('{'));
        await drain(
          scenario.together ? [order[0] as WebhookEvent, poison, order[1] as WebhookEvent] : order,
          scenario.together,
        );
        if (scenario.redelivered) await drain(order.toReversed(), false);

        const runs = await harness.sql<{ event_id: string; handler: string }>(
          'SELECT event_id, handler FROM runs WHERE event_id = ANY ($1) ORDER BY event_id, handler',
          [events.map(({ eventId }) => eventId)],
        );
        const changed = await harness.sql<{ event_id: string }>(
          'SELECT DISTINCT event_id FROM domain_changes WHERE event_id = ANY ($1)',
          [events.map(({ eventId }) => eventId)],
        );
        const expected = [...new Set(events.map(({ eventId }) => eventId))]
          .sort()
          .flatMap((id) =>
            [...(changed.some(({ event_id }) => event_id === id) ? ['changed'] : []), 'first', 'second'].map(
              (handler) => ({ event_id: id, handler }),
            ),
          );
        const [is, must] = [JSON.stringify(runs), JSON.stringify(expected)];
        if (is !== must) throw new Error(`${first.type} and ${second.type}: ${is} is not ${must}`);
      }

      const types = fc.nat(provider.samples.length - 1);
      const scenario = (first: fc.Arbitrary<number>): fc.Arbitrary<Scenario> =>
        fc.record({
          types: fc.tuple(first, types),
          swapped: fc.boolean(),
          idsSwapped: fc.boolean(),
          mishaps: fc.tuple(mishap, mishap),
          together: fc.boolean(),
          redelivered: fc.boolean(),
        });
      // Each type at least twice, paired with another or the same type.
      for (const [at, { type }] of provider.samples.entries())
        await t.resolves(
          fc.assert(fc.asyncProperty(scenario(fc.constant(at)), holds), {
            seed: seed + at,
            numRuns: 4,
            endOnFailure: true,
          }),
          type,
        );
    });
});

/** The id of the object of both events. */
const idOf = (provider: Provider, n: number): string =>
  provider.name === 'twilio' ? `SM${n.toString(16).padStart(32, '0')}` : `${provider.name}-object-${n}`;

/** `mark` becomes part of the event id, so that the scenario decides the order of ids. */
function toMarkedEvent(
  endpoint: TestEndpoint,
  sample: Sample,
  id: string,
  mark: string,
  broken?: Buffer,
): WebhookEvent {
  const { provider } = endpoint;
  const { body } = sample.build({ account: null, nowMs: startMs, overrides: { id } });
  const event = toEvent(endpoint, { body, channel: sample.channel }, { receivedAtMs: startMs });
  const isNamedByBody = provider.name === 'twilio';
  return {
    ...event,
    eventId: isNamedByBody ? `${event.eventId}~${mark}` : `${mark}~${event.eventId}`,
    ...(broken ? { type: brokenTypeOf(provider), body: { base64: broken.toString('base64') } } : {}),
  };
}

/** A body that is no JSON can't be given to a handler: such an event fails until it is dead. */
const brokenTypeOf = (provider: Provider) => `${provider.name}.broken`;
