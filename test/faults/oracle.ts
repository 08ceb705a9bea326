import pg from 'pg';
import { type ExpectedObject, objectOf, type ProviderName } from './bodies.js';
import type { Sent } from './senders.js';

// The judge of a run. It reads the database with its own SQL, as a superuser, and the senders' records. It shares no
// code with the product, so that a bug in the product cannot hide itself.

const ledgers: Record<ProviderName, string> = {
  stripe: 'finance_stripe_webhook_events',
  square: 'finance_square_webhook_events',
  docusign: 'esignature_webhook_events',
  twilio: 'sms_webhook_events',
};

/** Each invariant with its violations, one line each; empty: it holds. */
export interface Verdict {
  lost: string[];
  /** Acknowledged shortly before a flush with `queue` durability, which does not survive one. */
  lostAllowed: string[];
  unacknowledged: string[];
  appliedTwice: string[];
  crossFirm: string[];
  /** Applied events whose handler was not committed exactly once for the event's firm. */
  handlerRuns: string[];
  dead: string[];
  ledgerAndDomainDiffer: string[];
  modelDiffers: string[];
  forgedTraces: string[];
  deliveriesDontAddUp: string[];
  /** Authentic deliveries that were refused with a 4xx. */
  refused: string[];
  leftovers: string[];
}

export interface Counts {
  applied: number;
  stale: number;
  quarantined: number;
  dead: number;
  /** The longest time from acknowledgement to application, milliseconds. */
  longestWaitMs: number;
}

export interface OracleInput {
  refusals: readonly string[];
  sent: readonly Sent[];
  /** Whether an event may be lost: acknowledged without durability before a flush. */
  mayBeLost(sent: Sent): boolean;
}

interface Attempt {
  firm_id: string;
  at: number;
}

const keyOf = (provider: string, eventId: string) => `${provider}:${eventId}`;
const objectKey = (table: string, id: string) => `${table}:${id}`;

export type Oracle = ReturnType<typeof openOracle>;

export function openOracle(databaseUrl: string) {
  const client = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  client.on('error', () => undefined); // the server is killed now and then
  client.on('connect', (connected) => connected.on('error', () => undefined));
  const rows = async <T>(text: string): Promise<T[]> => (await client.query(text)).rows as T[];

  /** Events with a final attempt, for their firms, by event key. */
  async function finalAttempts(): Promise<Map<string, Attempt[]>> {
    const found = new Map<string, Attempt[]>();
    for (const row of await rows<Attempt & { provider: string; event_id: string }>(`
      SELECT provider, event_id, firm_id, extract(epoch FROM created_at)::float8 * 1000 AS at
      FROM webhook_attempts WHERE outcome IN ('applied', 'stale', 'ignored')`)) {
      const key = keyOf(row.provider, row.event_id);
      found.set(key, [...(found.get(key) ?? []), row]);
    }
    return found;
  }

  const quarantined = async () =>
    new Set(
      (
        await rows<{ provider: string; event_id: string; endpoint_id: string }>(
          'SELECT provider, event_id, endpoint_id FROM webhook_quarantine',
        )
      ).map(({ provider, event_id, endpoint_id }) => `${keyOf(provider, event_id)} ${endpoint_id}`),
    );

  /**
   * The number of acknowledged events neither applied nor quarantined yet, and of spill rows that wait to be enqueued.
   */
  async function missing(
    sent: readonly Sent[],
    mayBeLost: OracleInput['mayBeLost'],
  ): Promise<{ events: number; spilled: number }> {
    const [attempts, aside] = [await finalAttempts(), await quarantined()];
    const [spill] = await rows<{ n: number }>('SELECT count(*)::int AS n FROM webhook_spill');
    const awaited = sent.filter((each) => isMissing(each, attempts, aside) && !mayBeLost(each));
    return { events: awaited.length, spilled: spill?.n ?? 0 };
  }

  async function judge({ sent, refusals, mayBeLost }: OracleInput) {
    const [attempts, aside] = [await finalAttempts(), await quarantined()];
    const verdict: Verdict = {
      lost: [],
      lostAllowed: [],
      unacknowledged: [],
      appliedTwice: [],
      crossFirm: [],
      handlerRuns: [],
      dead: [],
      ledgerAndDomainDiffer: [],
      modelDiffers: [],
      forgedTraces: [],
      deliveriesDontAddUp: [],
      refused: [...refusals],
      leftovers: [],
    };
    /** The firms that may own an event: those that signed it. */
    const signers = new Map<string, Set<string>>();
    const forged = new Set<string>();
    for (const each of sent) {
      const { facts, eventId, firmId, kind, acknowledgedAtMs } = each;
      const key = keyOf(facts.provider, eventId);
      if (kind === 'forged') {
        forged.add(key);
        if (acknowledgedAtMs !== null) verdict.forgedTraces.push(`${key} was acknowledged`);
      } else signers.set(key, (signers.get(key) ?? new Set()).add(firmId));
      if (isMissing(each, attempts, aside)) {
        (mayBeLost(each) ? verdict.lostAllowed : verdict.lost).push(`${key} ${kind} ${[...each.outcomes]}`);
      }
      if (each.untilAcknowledged && acknowledgedAtMs === null) verdict.unacknowledged.push(key);
      const answered = [...each.outcomes.values()].reduce((sum, n) => sum + n, 0);
      if (each.deliveries !== answered + each.unanswered)
        verdict.deliveriesDontAddUp.push(`${key}: ${each.deliveries} sent`);
    }

    for (const [key, found] of attempts) {
      if (found.length > 1) verdict.appliedTwice.push(`${key}: ${found.length} final attempts`);
      if (forged.has(key)) verdict.forgedTraces.push(`${key} was applied`);
      for (const { firm_id } of found)
        if (!signers.get(key)?.has(firm_id)) verdict.crossFirm.push(`${key} was applied for ${firm_id}`);
    }
    for (const row of await rows<{ key: string; n: number }>(`
      SELECT provider || ':' || event_id AS key, count(*)::int AS n FROM domain_changes
      GROUP BY provider, event_id, entity_type, entity_id HAVING count(*) > 1`))
      verdict.appliedTwice.push(`${row.key}: changed an object ${row.n} times`);
    for (const { key, firm_id } of await rows<{ key: string; firm_id: string }>(`
      SELECT DISTINCT provider || ':' || event_id AS key, firm_id FROM domain_changes
      UNION SELECT provider || ':' || event_id, firm_id FROM webhook_attempts
      UNION SELECT idempotency_key, firm_id FROM (${allLedgers('idempotency_key, firm_id')}) l
      UNION SELECT provider || ':' || event_id, firm_id FROM webhook_quarantine WHERE firm_id IS NOT NULL
      UNION SELECT provider || ':' || event_id, firm_id FROM webhook_spill`)) {
      if (forged.has(key)) verdict.forgedTraces.push(`${key} left a row`);
      else if (!signers.get(key)?.has(firm_id)) verdict.crossFirm.push(`${key} has a row of ${firm_id}`);
    }

    const poisoned = new Set(
      sent
        .filter(({ kind }) => kind === 'poison')
        .map(({ facts, eventId }) => keyOf(facts.provider, eventId)),
    );
    for (const { key, error } of await rows<{ key: string; error: string | null }>(`
      SELECT provider || ':' || event_id AS key, error FROM webhook_attempts WHERE outcome = 'dead'`))
      if (!poisoned.has(key)) verdict.dead.push(`${key}: ${error}`);
    for (const { key, outcome } of await rows<{ key: string; outcome: string }>(`
      SELECT idempotency_key AS key, outcome FROM (${allLedgers('idempotency_key, outcome')}) l
      WHERE outcome IN ('failed', 'dead')`))
      verdict.dead.push(`${key} is ${outcome} in the end`);

    verdict.handlerRuns.push(...(await handlerRuns(sent, attempts)));
    verdict.ledgerAndDomainDiffer.push(...(await ledgerAndDomain()));
    verdict.modelDiffers.push(...(await model(sent, attempts)));
    for (const table of ['webhook_spill', 'webhook_bodies'])
      for (const { n } of await rows<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`))
        if (n > 0) verdict.leftovers.push(`${n} rows in ${table}`);
    return { verdict, counts: await count(sent, attempts) };
  }

  /** Each handler ran exactly once per event, whatever the event changed. */
  async function handlerRuns(sent: readonly Sent[], attempts: Map<string, Attempt[]>): Promise<string[]> {
    const found: string[] = [];
    const runs = new Map<string, string[]>();
    for (const { key, firm_id } of await rows<{ key: string; firm_id: string }>(`
      SELECT provider || ':' || event_id AS key, firm_id FROM faults.handler_runs`))
      runs.set(key, [...(runs.get(key) ?? []), firm_id]);
    const asked = new Set(
      sent.filter(({ facts }) => hasHandler(facts)).map((each) => keyOf(each.facts.provider, each.eventId)),
    );
    for (const key of asked) {
      const [due, is] = [attempts.get(key) ?? [], runs.get(key) ?? []];
      if (due.map(({ firm_id }) => firm_id).join() !== is.join())
        found.push(`${key}: applied ${due.length} times, told ${is.length} times`);
    }
    for (const key of runs.keys()) if (!asked.has(key)) found.push(`${key}: told although nobody asked`);
    return found;
  }

  /** Ledger, history and objects must agree, in both directions. */
  async function ledgerAndDomain(): Promise<string[]> {
    const found: string[] = [];
    const final = `SELECT provider || ':' || event_id AS key, outcome FROM webhook_attempts
      WHERE outcome IN ('applied', 'stale', 'ignored')`;
    for (const { key, ledger, history, changed } of await rows<Record<string, string | null>>(`
      WITH l AS (SELECT idempotency_key AS key, outcome FROM (${allLedgers('idempotency_key, outcome')}) x
                 WHERE outcome IN ('applied', 'stale', 'ignored')),
           h AS (${final}),
           c AS (SELECT DISTINCT provider || ':' || event_id AS key FROM domain_changes)
      SELECT key, l.outcome AS ledger, h.outcome AS history, c.key AS changed
      FROM l FULL JOIN h USING (key) FULL JOIN c USING (key)
      WHERE l.outcome IS DISTINCT FROM h.outcome OR (coalesce(l.outcome, '') = 'applied') <> (c.key IS NOT NULL)`))
      found.push(
        `${key}: ledger ${ledger}, history ${history}, objects ${changed === null ? 'un' : ''}changed`,
      );
    // The history must contain the event that an object's state came from.
    for (const { object, changed_by } of await rows<{ object: string; changed_by: string }>(`
      SELECT object, changed_by FROM (
        SELECT id, 'invoice ' || external_id AS object, order_changed_by AS changed_by FROM finance_invoices
        UNION ALL SELECT id, 'payment ' || external_id, order_changed_by FROM finance_payments
        UNION ALL SELECT id, 'envelope ' || external_id, order_changed_by FROM esignature_envelopes
        UNION ALL SELECT id, 'message ' || twilio_message_sid, order_changed_by FROM sms_messages) o
      WHERE NOT EXISTS (SELECT FROM domain_changes c WHERE c.event_id = o.changed_by AND c.entity_id = o.id)`))
      found.push(`${object} was changed by ${changed_by}, and history does not know of it`);
    return found;
  }

  /** Per firm and object: the state that the accepted events lead to. */
  async function model(sent: readonly Sent[], attempts: Map<string, Attempt[]>): Promise<string[]> {
    const found: string[] = [];
    const actual = await objects();
    interface Due extends ExpectedObject {
      firmId: string;
      amount: number;
      final: boolean;
    }
    const due = new Map<string, Due>();
    for (const { facts, eventId, firmId, kind } of sent) {
      if (kind === 'forged') continue;
      const applied = attempts.get(keyOf(facts.provider, eventId))?.some((each) => each.firm_id === firmId);
      if (!applied) continue; // missing although acknowledged: counted as lost
      const object = objectOf(facts);
      const key = objectKey(object.table, object.externalId);
      const before = due.get(key);
      due.set(key, {
        ...object,
        firmId,
        amount: facts.amount,
        final: facts.step === 'final' || before?.final === true,
      });
    }
    const totals = new Map<string, { due: number; actual: number }>();
    const add = (firm: string, side: 'due' | 'actual', amount: number) => {
      const total = totals.get(firm) ?? { due: 0, actual: 0 };
      total[side] += amount;
      totals.set(firm, total);
    };
    for (const [key, { firmId, amount, final, finalStatus, earlyStatus }] of due) {
      const row = actual.get(key);
      const status = final ? finalStatus : earlyStatus;
      if (row === undefined) found.push(`${key} is not there`);
      else if (row.firm_id !== firmId) found.push(`${key} is of firm ${row.firm_id}`);
      else if (row.status !== status) found.push(`${key} is ${row.status}, not ${status}`);
      if (final) add(firmId, 'due', amountOf(key, amount));
    }
    for (const [key, row] of actual) {
      if (!due.has(key)) found.push(`${key} is there, and no event told of it`);
      add(row.firm_id, 'actual', amountOf(key, Number(row.settled ?? 0)));
    }
    for (const [firm, total] of totals)
      if (total.due !== total.actual) found.push(`firm ${firm}: ${total.actual} settled, not ${total.due}`);
    return found;
  }

  async function objects() {
    const all = await rows<{ key: string; firm_id: string; status: string; settled: string | null }>(`
      SELECT 'finance_invoices:' || external_id AS key, firm_id, status, amount_paid::text AS settled FROM finance_invoices
      UNION ALL SELECT 'finance_payments:' || external_id, firm_id, status,
        CASE WHEN status = 'COMPLETED' THEN amount::text END FROM finance_payments
      UNION ALL SELECT 'esignature_envelopes:' || external_id, firm_id, status, NULL FROM esignature_envelopes
      UNION ALL SELECT 'sms_messages:' || twilio_message_sid, firm_id, status, NULL FROM sms_messages`);
    return new Map(all.map((row) => [row.key, row]));
  }

  async function count(sent: readonly Sent[], attempts: Map<string, Attempt[]>): Promise<Counts> {
    const one = async (text: string) => Number((await rows<{ n: string }>(text))[0]?.n ?? 0);
    let longestWaitMs = 0;
    for (const { facts, eventId, acknowledgedAtMs, deliveries, kind } of sent) {
      const at = attempts.get(keyOf(facts.provider, eventId))?.[0]?.at;
      if (at === undefined || acknowledgedAtMs === null || deliveries > 1 || kind === 'poison') continue;
      longestWaitMs = Math.max(longestWaitMs, at - acknowledgedAtMs);
    }
    return {
      applied: await one("SELECT count(*) AS n FROM webhook_attempts WHERE outcome = 'applied'"),
      stale: await one("SELECT count(*) AS n FROM webhook_attempts WHERE outcome = 'stale'"),
      dead: await one("SELECT count(*) AS n FROM webhook_attempts WHERE outcome = 'dead'"),
      quarantined: await one('SELECT count(*) AS n FROM webhook_quarantine'),
      longestWaitMs,
    };
  }

  /** The outcome of the event's ledger row, or null. */
  async function ledgerOutcome(provider: ProviderName, eventId: string): Promise<string | null> {
    const { rows: found } = await client.query(
      `SELECT outcome FROM ${ledgers[provider]} WHERE idempotency_key = $1`,
      [keyOf(provider, eventId)],
    );
    return (found[0] as { outcome: string } | undefined)?.outcome ?? null;
  }

  const attempts = async () =>
    (await rows<{ n: number }>('SELECT count(*)::int AS n FROM webhook_attempts'))[0]?.n ?? 0;

  return { attempts, missing, judge, ledgerOutcome, close: () => client.end() };
}

const allLedgers = (columns: string) =>
  Object.values(ledgers)
    .map((table) => `SELECT ${columns} FROM ${table}`)
    .join(' UNION ALL ');

/** The events that the run's handlers are for. */
const hasHandler = ({ provider, step }: Sent['facts']) =>
  provider === 'square' || (provider === 'twilio' && step === 'early');

/** Envelopes and messages have no amount. */
const amountOf = (key: string, amount: number) => (key.startsWith('finance_') ? amount : 0);

function isMissing(
  { facts, eventId, firmId, endpointId, kind, acknowledgedAtMs }: Sent,
  attempts: Map<string, Attempt[]>,
  aside: Set<string>,
): boolean {
  if (kind === 'forged' || acknowledgedAtMs === null) return false;
  const key = keyOf(facts.provider, eventId);
  const applied = attempts.get(key)?.some(({ firm_id }) => firm_id === firmId);
  return !applied && !aside.has(`${key} ${endpointId}`);
}
