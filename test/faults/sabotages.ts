import type { AppSettings } from './fault-app.js';
import type { Verdict } from './oracle.js';

/** A mistake that someone could make in the product, and the invariant that must detect it. */
export interface Sabotage {
  name: string;
  what: string;
  invariant: keyof Verdict;
  /** What may break along with it. */
  also: readonly (keyof Verdict)[];
  /** Exact replacements in source files; each `find` must occur exactly once. */
  edits: readonly Edit[];
  /** Runs on the migrated database. */
  sql?: string;
  /** Faults that reveal it, and how many of each, for `--quick`. */
  faults: Readonly<Record<string, number>>;
  settings?: Partial<AppSettings>;
}

export interface Edit {
  /** From the root of the repository. */
  file: string;
  find: string;
  replace: string;
}

const accept = 'packages/core/src/accept.ts';
const classify = 'packages/core/src/classify-claim.ts';

export const sabotages: readonly Sabotage[] = [
  {
    name: 'naive-claim',
    what: 'a claim that was never confirmed makes the next delivery a duplicate: SETNX, then add',
    invariant: 'lost',
    also: [],
    edits: [
      {
        file: classify,
        find: `return claim === 'pending' ? 'half_done' : 'new';`,
        replace: `return claim === 'pending' ? 'known_to_claim' : 'new';`,
      },
    ],
    faults: { 'receiver exits at accept.claimed': 4 },
  },
  {
    name: 'confirm-before-enqueue',
    what: 'the claim is confirmed before there is a job, and a confirmed claim is believed without one',
    invariant: 'lost',
    also: [],
    edits: [
      {
        file: accept,
        find: `  } else await ports.queue.add(job, state.backlog);
  await ports.claims.confirm(event);`,
        replace: `    await ports.claims.confirm(event);
  } else {
    await ports.claims.confirm(event);
    await ports.queue.add(job);
  }`,
      },
      {
        file: classify,
        find: `if (claim === 'queued') return 'ended';`,
        replace: `if (claim === 'queued') return 'known_to_claim';`,
      },
    ],
    faults: { 'receiver exits at accept.confirmed': 4 },
  },
  {
    name: 'no-unique-index',
    what: 'the ledger tables lose their unique constraints, and the conflict clause, which has no target, says nothing',
    invariant: 'appliedTwice',
    also: ['ledgerAndDomainDiffer'],
    edits: [],
    sql: `
      DO $$
      DECLARE c record;
      BEGIN
        FOR c IN SELECT conrelid::regclass AS of, conname FROM pg_constraint WHERE contype = 'u'
          AND conrelid::regclass::text IN ('finance_stripe_webhook_events', 'finance_square_webhook_events',
            'esignature_webhook_events', 'sms_webhook_events')
        LOOP
          EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.of, c.conname);
        END LOOP;
      END $$`,
    faults: { 'redis flushed': 6, 'worker exits at apply.committed': 2 },
  },
  {
    name: 'split-transaction',
    what: 'the objects are changed in a transaction of their own, before the one with the ledger row',
    invariant: 'ledgerAndDomainDiffer',
    also: [],
    edits: [
      {
        file: 'packages/database/src/ledger/apply-store.ts',
        find: `work(inside(observed(query), send, session))`,
        replace: `work({
        ...inside(observed(query), send, session),
        change: async (changes, withRows) =>
          changes.length === 0
            ? []
            : withFirms(pool, { firmIds }, (own) => upsertObjects(own, changes, withRows)),
      })`,
      },
    ],
    // Half of the partial effects are overwritten by the object's next event.
    faults: { 'worker exits at apply.insideTransaction': 2, 'worker throws inside the transaction': 12 },
  },
  {
    name: 'handlers-if-applied',
    what: 'handlers run only for events that changed an object',
    invariant: 'handlerRuns',
    also: [],
    edits: [
      {
        file: 'apps/worker/src/handling/run-handlers.ts',
        find: `return when !== 'changed' || changed.length > 0;`,
        replace: `return changed.length > 0;`,
      },
    ],
    // It needs no crash: an event that arrives after its successor is enough.
    faults: { 'worker exits at apply.committed': 2 },
  },
  {
    name: 'attempts-on-outage',
    what: 'a store that is away costs an attempt',
    invariant: 'dead',
    also: ['lost', 'modelDiffers'],
    edits: [
      {
        file: 'packages/queue/src/consumer.ts',
        find: `        options.onOutage(error);
        return postpone(job, token, postponedMs.outage);`,
        replace: `        options.onOutage(error);
        throw error;`,
      },
    ],
    faults: { 'connections cut to postgres': 12, 'connection cut while COMMIT is in flight': 4 },
    settings: { attempts: 1 },
  },
  {
    name: 'firm-less-claim',
    what: 'claim and job are believed whoever they belong to',
    invariant: 'lost',
    also: [],
    edits: [
      {
        file: classify,
        find: `if ((claimFirmId ?? firmId) !== firmId || (jobFirmId ?? firmId) !== firmId) return 'collision';`,
        replace: '',
      },
    ],
    faults: { 'same id from two firms': 8 },
  },
];
