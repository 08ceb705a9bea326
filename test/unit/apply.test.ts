import {
  type ApplyItem,
  type ApplyPorts,
  type ApplyTransaction,
  type AttemptRecord,
  type ChangeSet,
  idempotencyKey,
  nothing,
  type Provider,
  type QuarantineEntry,
  recordLost,
  StoreUnavailableError,
  type WebhookEvent,
} from '@semel/core';
import { providerNamed } from '@semel/providers';
import t from 'tap';
import { createEvent } from '../support/create-event.js';
import { planAndApply } from '../support/plan-and-apply.js';

// The decisions of the worker's path over an in-memory ledger. Their effect in Postgres is tested with Postgres.

interface Row {
  owner: string;
  outcome: string;
  error: string | null;
}

/** A ledger that commits a transaction's work, or drops it if the transaction throws. */
function inMemory(options: { moves?: boolean; rule?: (event: WebhookEvent) => ChangeSet } = {}) {
  const state = {
    ledger: new Map<string, Row>(),
    attempts: [] as { eventId: string; outcome: string; attempt: number }[],
    quarantine: [] as QuarantineEntry[],
    bodies: new Map<string, Buffer>(),
    done: [] as string[],
    freed: [] as string[],
    transactions: [] as string[][],
  };
  /** Thrown by the next calls of this step, one each. */
  const faults: Partial<Record<keyof ApplyTransaction | 'begin' | 'commit', unknown[]>> = {};
  const stumble = (step: keyof typeof faults) => {
    const queue = faults[step];
    if (queue && queue.length > 0) throw queue.shift();
  };

  const provider: Provider = {
    ...(providerNamed('stripe') as Provider),
    changesOf: (event) => options.rule?.(event) ?? oneChange(event),
  };
  const ports: ApplyPorts = {
    provider,
    claimsDone: async (events) => void state.done.push(...events.map(({ eventId }) => eventId)),
    claimsReleased: async (events) => void state.freed.push(...events.map(({ eventId }) => eventId)),
    async transaction(firmIds, work) {
      state.transactions.push([...firmIds]);
      stumble('begin');
      const ledger = new Map([...state.ledger].map(([key, row]) => [key, { ...row }]));
      const attempts: AttemptRecord[] = [];
      const quarantine: QuarantineEntry[] = [];
      const step = <Name extends keyof ApplyTransaction>(name: Name, run: ApplyTransaction[Name]) =>
        (async (...args: unknown[]) => {
          stumble(name);
          return (run as (...all: unknown[]) => unknown)(...args);
        }) as unknown as ApplyTransaction[Name];
      const result = await work({
        storedBodies: step('storedBodies', async (events) => {
          const keys = events.map(idempotencyKey).filter((key) => state.bodies.has(key));
          return new Map(keys.map((key) => [key, state.bodies.get(key) as Buffer]));
        }),
        insertLedger: step('insertLedger', async (rows) => {
          const fresh = rows.filter(({ event }) => !ledger.has(idempotencyKey(event)));
          for (const { event, outcome, error } of fresh)
            ledger.set(idempotencyKey(event), { owner: event.firmId, outcome, error });
          return new Set(fresh.map(({ event }) => idempotencyKey(event)));
        }),
        lockLedger: step('lockLedger', async (events) => {
          const own = events.filter((event) => ledger.get(idempotencyKey(event))?.owner === event.firmId);
          return new Map(
            own.map((event) => [
              idempotencyKey(event),
              { ...(ledger.get(idempotencyKey(event)) as Row), receivedAtMs: 0 },
            ]),
          );
        }),
        change: step('change', async (changes) =>
          options.moves === false ? [] : changes.map((change) => ({ change, entityId: change.externalId })),
        ),
        finalizeLedger: step('finalizeLedger', async (rows) => {
          for (const { event, outcome } of rows)
            ledger.set(idempotencyKey(event), { owner: event.firmId, outcome, error: null });
        }),
        failLedger: step('failLedger', async ({ event, outcome, error }) => {
          const before = ledger.get(idempotencyKey(event));
          if (before && (before.owner !== event.firmId || !['failed', 'dead'].includes(before.outcome)))
            return false;
          ledger.set(idempotencyKey(event), { owner: event.firmId, outcome, error });
          return true;
        }),
        record: step('record', async (records) => void attempts.push(...records)),
        quarantine: step('quarantine', async (entry) => void quarantine.push(entry)),
        deleteStoredCopies: step('deleteStoredCopies', async () => undefined),
        withHandlerClient: step('withHandlerClient', async (_timeoutMs, run) =>
          run({ statement: async () => ({ rows: [], rowCount: 0 }), addEffect: async () => true }),
        ) as ApplyTransaction['withHandlerClient'],
      });
      stumble('commit');
      state.ledger = ledger;
      state.attempts.push(
        ...attempts.map(({ event, outcome, attempt }) => ({ eventId: event.eventId, outcome, attempt })),
      );
      state.quarantine.push(...quarantine);
      return result;
    },
  };
  return { state, ports, faults };
}

const oneChange = (event: WebhookEvent): ChangeSet => ({
  changes: [
    { entity: 'invoice', externalId: event.eventId, fields: {}, order: { rank: 0, timeNs: 0n, step: [] } },
  ],
  links: {},
  ignored: null,
});

const eventOf = (eventId: string, fields: Partial<WebhookEvent> = {}): WebhookEvent =>
  createEvent({ firmId: 'us', provider: 'stripe', eventId, endpointId: 'endpoint', ...fields });

const itemOf = (event: WebhookEvent, extra: Partial<ApplyItem> = {}): ApplyItem => ({
  event,
  attempt: 1,
  lastAttempt: false,
  ...extra,
});

const outcomes = (results: { outcome: string | null }[]) => results.map(({ outcome }) => outcome);
const failing = (): ChangeSet => {
  throw new Error('the handler failed');
};

type Before = 'none' | 'theirs' | 'applied' | 'stale' | 'ignored' | 'failed' | 'dead';
type Run = 'changes' | 'changes nothing' | 'ignores' | 'throws' | 'throws at last';

/** By the ledger row before and the rule's result: outcome, row after, attempt row. */
const table: Record<Before, Record<Run, [outcome: string, after: string, attempt: string | null]>> = {
  none: {
    changes: ['applied', 'applied', 'applied'],
    'changes nothing': ['stale', 'stale', 'stale'],
    ignores: ['ignored', 'ignored', 'ignored'],
    throws: ['failed', 'failed', 'failed'],
    'throws at last': ['dead', 'dead', 'dead'],
  },
  theirs: every('quarantined', 'applied'),
  applied: every('duplicate', 'applied'),
  stale: every('duplicate', 'stale'),
  ignored: every('duplicate', 'ignored'),
  failed: {
    changes: ['applied', 'applied', 'applied'],
    'changes nothing': ['stale', 'stale', 'stale'],
    ignores: ['ignored', 'ignored', 'ignored'],
    throws: ['failed', 'failed', 'failed'],
    'throws at last': ['dead', 'dead', 'dead'],
  },
  dead: {
    changes: ['applied', 'applied', 'applied'],
    'changes nothing': ['stale', 'stale', 'stale'],
    ignores: ['ignored', 'ignored', 'ignored'],
    throws: ['failed', 'failed', 'failed'],
    'throws at last': ['dead', 'dead', 'dead'],
  },
};

function every(outcome: string, after: string) {
  const row: [string, string, null] = [outcome, after, null];
  return { changes: row, 'changes nothing': row, ignores: row, throws: row, 'throws at last': row };
}

t.test('the outcome follows from the ledger row and the rule', async (t) => {
  for (const [before, runs] of Object.entries(table) as [Before, (typeof table)[Before]][])
    for (const [run, [outcome, after, attempt]] of Object.entries(runs)) {
      const rules: Record<string, () => ChangeSet> = {
        ignores: () => nothing('type_not_handled'),
        throws: failing,
        'throws at last': failing,
      };
      const rule = rules[run];
      const { state, ports } = inMemory({ moves: run === 'changes', ...(rule ? { rule } : {}) });
      const event = eventOf('evt_1');
      const owner = before === 'theirs' ? 'them' : 'us';
      if (before !== 'none')
        state.ledger.set('stripe:evt_1', {
          owner,
          outcome: before === 'theirs' ? 'applied' : before,
          error: null,
        });
      const results = await planAndApply(ports, [
        itemOf(event, { lastAttempt: run === 'throws at last', attempt: 2 }),
      ]);
      const what = `${before}, ${run}`;
      t.same(outcomes(results), [outcome], what);
      t.match(state.ledger.get('stripe:evt_1'), { owner, outcome: after }, `${what}: the row`);
      t.same(
        state.attempts,
        attempt === null ? [] : [{ eventId: 'evt_1', outcome: attempt, attempt: 2 }],
        `${what}: the attempt`,
      );
      t.equal(state.quarantine.length, outcome === 'quarantined' ? 1 : 0, `${what}: quarantine`);
      const isOver = ['applied', 'stale', 'ignored', 'duplicate'].includes(outcome);
      t.same(state.done, isOver ? ['evt_1'] : [], `${what}: the claim is done only where the event is`);
      t.same(state.freed, outcome === 'quarantined' ? ['evt_1'] : [], `${what}: a foreign claim is given up`);
    }
});

t.test('a store outage decides nothing, wherever it happens', async (t) => {
  const away = () => new StoreUnavailableError('postgres');
  const steps = [
    'begin',
    'insertLedger',
    'lockLedger',
    'change',
    'finalizeLedger',
    'record',
    'commit',
  ] as const;
  for (const step of steps)
    for (const size of [1, 3]) {
      const { state, ports, faults } = inMemory();
      faults[step] = [away()];
      const items = Array.from({ length: size }, (_, i) =>
        itemOf(eventOf(`evt_${i}`), { lastAttempt: true }),
      );
      await t.rejects(planAndApply(ports, items), { code: 'store_unavailable' }, `${step}, ${size} at once`);
      t.same([state.ledger.size, state.attempts, state.done], [0, [], []], 'nothing is written');
      t.equal(state.transactions.length, 1, 'and nothing is tried again at once');
      t.same(
        outcomes(await planAndApply(ports, items)),
        items.map(() => 'applied'),
      );
    }
  const { state, ports, faults } = inMemory({ rule: failing });
  faults.failLedger = [away()];
  await t.rejects(planAndApply(ports, [itemOf(eventOf('evt_1'), { lastAttempt: true })]), {
    code: 'store_unavailable',
  });
  t.same(state.attempts, [], 'a failure that can’t be written down now is no attempt');
});

t.test('a failing event in a group', async (t) => {
  const { state, ports } = inMemory({
    rule: (event) => (event.eventId === 'evt_2' ? failing() : oneChange(event)),
  });
  const items = [1, 2, 3].map((n) => itemOf(eventOf(`evt_${n}`, { firmId: n === 3 ? 'others' : 'us' })));
  t.same(outcomes(await planAndApply(ports, items)), ['applied', 'failed', 'applied']);
  t.same(state.transactions, [['us', 'others'], ['us']], 'its neighbours share a transaction all the same');
  t.same(state.done, ['evt_1', 'evt_3']);
});

t.test('a group whose transaction is refused runs event by event', async (t) => {
  for (const refusal of [new Error('refused'), new StoreUnavailableError('postgres', null, true)]) {
    const { state, ports, faults } = inMemory();
    faults.change = [refusal, refusal];
    const items = [1, 2, 3].map((n) => itemOf(eventOf(`evt_${n}`, { firmId: n === 3 ? 'others' : 'us' })));
    t.same(outcomes(await planAndApply(ports, items)), ['failed', 'applied', 'applied']);
    t.same(
      state.transactions,
      [['us', 'others'], ['us'], ['us'], ['us'], ['others']],
      'each in its own firm',
    );
  }
});

t.test('an event that times out alone spends its attempt, unless the store itself is slow', async (t) => {
  const slow = new StoreUnavailableError('postgres', new Error('statement timeout'), true);
  const { state, ports, faults } = inMemory();
  const item = itemOf(eventOf('evt_1'));
  faults.change = [slow];
  t.match(await planAndApply(ports, [item]), [{ outcome: 'failed', error: slow }]);
  t.equal(state.attempts.length, 1);
  faults.change = [slow];
  faults.failLedger = [slow];
  await t.rejects(planAndApply(ports, [item]), { code: 'store_unavailable' });
  t.equal(state.attempts.length, 1, 'what can not be recorded is an outage');
});

t.test('an event with more objects than a provider sends is recorded and changes nothing', async (t) => {
  const changes = (count: number) => ({
    ...oneChange(eventOf('evt_1')),
    changes: Array.from({ length: count }, (_, i) => ({
      ...(oneChange(eventOf('evt_1')).changes[0] as ChangeSet['changes'][0]),
      externalId: `in_${i}`,
    })),
  });
  for (const [count, outcome] of [
    [1_000, { outcome: 'applied' }],
    [1_001, { outcome: 'ignored', ignored: 'too_many_objects' }],
  ] as const) {
    const { state, ports } = inMemory({ rule: () => changes(count) });
    t.match(await planAndApply(ports, [itemOf(eventOf('evt_1'))]), [outcome]);
    t.equal(state.ledger.size, 1);
  }
});

t.test('only the event whose failure cannot be recorded is unrecorded', async (t) => {
  const { state, ports, faults } = inMemory({
    rule: (event) => (event.eventId === 'evt_1' ? failing() : oneChange(event)),
  });
  faults.failLedger = [new Error('refused')];
  const results = await planAndApply(ports, [itemOf(eventOf('evt_1')), itemOf(eventOf('evt_2'))]);
  t.match(results, [{ outcome: null, error: { message: 'refused' } }, { outcome: 'applied' }]);
  t.same(state.done, ['evt_2']);
});

t.test('an event that was accepted as ignored never reaches the rule', async (t) => {
  const { state, ports } = inMemory({ rule: failing });
  t.same(outcomes(await planAndApply(ports, [itemOf(eventOf('evt_1', { ignored: 'mode_mismatch' }))])), [
    'ignored',
  ]);
  t.same(state.attempts, [{ eventId: 'evt_1', outcome: 'ignored', attempt: 1 }]);
});

t.test('a stored body', async (t) => {
  const seen: string[] = [];
  const { state, ports } = inMemory();
  ports.provider = {
    ...ports.provider,
    changesOf: (event, body) => {
      seen.push(body.toString());
      return oneChange(event);
    },
  };
  const item = itemOf(eventOf('evt_1', { body: { stored: true } }));
  t.match(await planAndApply(ports, [item]), [{ outcome: 'failed', error: { code: 'body_missing' } }]);
  t.same(seen, [], 'the rule is not asked about nothing');
  state.bodies.set('stripe:evt_1', Buffer.from('here'));
  t.same(outcomes(await planAndApply(ports, [item])), ['applied']);
  t.same(seen, ['here']);
});

t.test('a lost job is dead, unless its event was applied', async (t) => {
  const { state, ports } = inMemory();
  t.match(await recordLost(ports, eventOf('evt_1'), 3), { outcome: 'dead', error: { code: 'job_lost' } });
  t.same(state.attempts, [{ eventId: 'evt_1', outcome: 'dead', attempt: 3 }]);
  await planAndApply(ports, [itemOf(eventOf('evt_2'))]);
  t.match(await recordLost(ports, eventOf('evt_2'), 3), { outcome: 'duplicate' });
  t.equal(state.ledger.get('stripe:evt_2')?.outcome, 'applied');
});

t.test('events with handlers run one by one, each in its own firm', async (t) => {
  const { state, ports } = inMemory();
  const ran: string[] = [];
  ports.handlers = {
    wants: ({ type }) => type === 'handled',
    run: async (tx, { event, outcome, changed }) => {
      await tx.withHandlerClient(1, async () => undefined);
      ran.push(`${event.eventId} ${outcome} ${changed.length}`);
      if (event.eventId === 'e2') throw new Error('no luck');
    },
  };
  const plain = [itemOf(eventOf('e4')), itemOf(eventOf('e5', { firmId: 'them' }))];
  t.same(outcomes(await planAndApply(ports, plain)), ['applied', 'applied']);
  t.same(state.transactions.splice(0), [['us', 'them']], 'events without handlers share one');

  const handled = ['e1', 'e2', 'e3'].map((id, i) =>
    itemOf(eventOf(id, { type: i === 2 ? 'plain' : 'handled', firmId: `firm${i}` })),
  );
  t.same(outcomes(await planAndApply(ports, handled)), ['applied', 'failed', 'applied']);
  t.same(ran, ['e1 applied 1', 'e2 applied 1']);
  t.same(
    state.transactions,
    [['firm0'], ['firm1'], ['firm1'], ['firm2']],
    'one more to write the failure down',
  );
});
