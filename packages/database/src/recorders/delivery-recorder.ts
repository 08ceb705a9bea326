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
  /** A duplicate's body differs from the applied event's. Only reported: the event stays as it was applied. */
  onOtherBody(event: { provider: string; eventId: string; firmId: string }): void;
  onError(error: unknown): void;
}

/** Providers never cause this many different sums between two flushes; beyond it, sums drop their source. */
const maxSums = 10_000;
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
  onOtherBody,
  onError,
}: DeliveryRecorderOptions): DeliveryRecorder {
  let sums = new Map<string, DeliverySum>();
  /** Events whose ledger row lacks the latest count, by provider: event id → firm and deadline. */
  const uncounted = new Map(
    providers.map(({ name }) => [name, new Map<string, { firmId: string; untilMs: number }>()]),
  );
  let flushing: Promise<void> = Promise.resolve();

  function add(delivery: RecordedDelivery): void {
    const nowMs = Date.now();
    const source = sums.size < maxSums ? delivery.source : null;
    const { firmId, provider, eventId, endpointId, outcome, code } = delivery;
    const key = [firmId, provider, eventId, endpointId, outcome, code, source].join(' ');
    const sum = sums.get(key);
    if (sum === undefined)
      sums.set(key, { ...delivery, source, count: 1, firstAtMs: nowMs, lastAtMs: nowMs });
    else {
      sum.count++;
      sum.lastAtMs = nowMs;
      sum.bodySha256 = delivery.bodySha256 ?? sum.bodySha256;
    }
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
  function noteUncounted(batch: Map<string, DeliverySum>): void {
    const untilMs = Date.now() + countForMs;
    for (const { outcome, provider, eventId, firmId } of batch.values())
      if (outcome === 'duplicate' && eventId !== null && firmId !== null)
        uncounted.get(provider)?.set(eventId, { firmId, untilMs });
  }

  function putBack(batch: Map<string, DeliverySum>): void {
    for (const [key, sum] of batch) {
      const newer = sums.get(key);
      if (newer === undefined && sums.size < maxSums) sums.set(key, sum);
      else if (newer !== undefined) {
        newer.count += sum.count;
        newer.firstAtMs = sum.firstAtMs;
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
    for (const [eventId, { firmId, untilMs }] of batch) {
      if (counted.get(eventId)?.otherBody) onOtherBody({ provider: provider.name, eventId, firmId });
      if (counted.has(eventId) || untilMs < nowMs) waiting.delete(eventId);
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
