import type { Provider } from '@semel/core';
import type pg from 'pg';
import { addDeliveries, countDuplicates, type DeliverySum } from './deliveries.js';

/** A delivery that made no new event: a duplicate or a rejected request. */
export type RecordedDelivery = Omit<DeliverySum, 'count' | 'firstAtMs' | 'lastAtMs'>;

export interface DeliveryRecorder {
  /** Adds one to its sum in memory. */
  add(delivery: RecordedDelivery): void;
  /** Writes the sums now. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

export interface DeliveryRecorderOptions {
  pool: pg.Pool;
  providers: readonly Provider[];
  flushMs: number;
  /**
   * A duplicate had another body than the recorded event, or came to another endpoint: it may be another event. Only reported:
   * the event stays as it was recorded. Once per flush and event, as soon as the ledger has the event.
   */
  onDiffered(what: 'body' | 'endpoint', event: { provider: string; eventId: string; firmId: string }): void;
  onError(error: unknown): void;
}

/** Providers never cause this many different sums between two flushes; beyond it, sums drop their source. */
const maxSums = 10_000;
/** A sum with the different bodies of its deliveries: two at most, since one of two differs from the event's. */
type Sum = DeliverySum & { bodies: Set<string> };

/** Duplicates of one event whose ledger row was not read yet. */
interface Uncounted {
  firmId: string;
  untilMs: number;
  endpoints: Set<string>;
  bodies: Set<string>;
}

/** How long to wait for the ledger row of an event with duplicates; after that its count is only in `webhook_deliveries`. */
const countForMs = 5 * 60_000;

/**
 * Sums duplicates and rejections in memory and writes them every `flushMs`, so that a flood of them costs no round trip each.
 * A crash loses the unwritten sums, never an event.
 */
export function startDeliveryRecorder({
  pool,
  providers,
  flushMs,
  onDiffered,
  onError,
}: DeliveryRecorderOptions): DeliveryRecorder {
  let sums = new Map<string, Sum>();
  /** Events whose ledger row lacks the latest count, by provider and event id. */
  const uncounted = new Map(providers.map(({ name }) => [name, new Map<string, Uncounted>()]));
  let flushing: Promise<void> = Promise.resolve();

  function add(delivery: RecordedDelivery): void {
    const nowMs = Date.now();
    const source = sums.size < maxSums ? delivery.source : null;
    const { firmId, provider, eventId, endpointId, outcome, code } = delivery;
    const key = [firmId, provider, eventId, endpointId, outcome, code, source].join(' ');
    const sum = sums.get(key) ?? {
      ...delivery,
      source,
      count: 0,
      firstAtMs: nowMs,
      lastAtMs: nowMs,
      bodies: new Set(),
    };
    sums.set(key, sum);
    sum.count++;
    sum.lastAtMs = nowMs;
    sum.bodySha256 = delivery.bodySha256 ?? sum.bodySha256;
    if (delivery.bodySha256 !== null && sum.bodies.size < 2) sum.bodies.add(delivery.bodySha256);
  }

  async function write(): Promise<void> {
    if (sums.size > 0) {
      const batch = sums;
      sums = new Map();
      try {
        await addDeliveries(pool, [...batch.values()]);
      } catch (error) {
        putBack(batch);
        throw error;
      }
      noteUncounted(batch);
    }
    for (const provider of providers) await updateLedger(provider);
  }

  /** Runs only after the sums are written: before that, the ledger row would copy a count that is too low, and keep it. */
  function noteUncounted(batch: Map<string, Sum>): void {
    const untilMs = Date.now() + countForMs;
    for (const { outcome, provider, eventId, firmId, endpointId, bodies } of batch.values()) {
      const events = uncounted.get(provider);
      if (outcome !== 'duplicate' || eventId === null || firmId === null || events === undefined) continue;
      const event = events.get(eventId) ?? { firmId, untilMs, endpoints: new Set(), bodies: new Set() };
      event.untilMs = untilMs;
      if (endpointId !== null) event.endpoints.add(endpointId);
      for (const body of bodies) event.bodies.add(body);
      events.set(eventId, event);
    }
  }

  function putBack(batch: Map<string, Sum>): void {
    for (const [key, sum] of batch) {
      const newer = sums.get(key);
      if (newer === undefined && sums.size < maxSums) sums.set(key, sum);
      else if (newer !== undefined) {
        newer.count += sum.count;
        newer.firstAtMs = sum.firstAtMs;
        for (const body of sum.bodies) newer.bodies.add(body);
      }
    }
  }

  async function updateLedger(provider: Provider): Promise<void> {
    const waiting = uncounted.get(provider.name);
    if (waiting === undefined || waiting.size === 0) return;
    const batch = [...waiting].slice(0, maxSums);
    const firmIds = batch.map(([, { firmId }]) => firmId);
    const counted = await countDuplicates(
      pool,
      provider,
      firmIds,
      batch.map(([eventId]) => eventId),
    );
    const nowMs = Date.now();
    for (const [eventId, { firmId, untilMs, endpoints, bodies }] of batch) {
      const recorded = counted.get(eventId);
      const event = { provider: provider.name, eventId, firmId };
      if (recorded !== undefined) {
        if (hasOther(bodies, recorded.bodySha256)) onDiffered('body', event);
        if (hasOther(endpoints, recorded.endpointId)) onDiffered('endpoint', event);
      }
      if (recorded !== undefined || untilMs < nowMs) waiting.delete(eventId);
    }
  }

  const flush = () => {
    flushing = flushing.then(write).catch(onError);
    return flushing;
  };
  const timer = setInterval(flush, flushMs);
  return {
    add,
    flush,
    stop: async () => {
      clearInterval(timer);
      await flush();
    },
  };
}

const hasOther = (values: ReadonlySet<string>, known: string): boolean =>
  values.size > 1 || (values.size === 1 && !values.has(known));
