import type pg from 'pg';
import { withFirms } from '../connection/pool.js';
import { columnwise, isoTime } from '../connection/sql-values.js';

export interface EndpointHealthRecorder {
  /** Notes how a delivery was answered: with a 2xx, or with anything else. */
  note(endpoint: { id: string; firmId: string | null }, acknowledged: boolean): void;
  /** Writes the notes now. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** The answers since the last flush. Milliseconds since 1970; null: there was none. */
interface Noted {
  endpointId: string;
  firmId: string | null;
  acknowledgedMs: number | null;
  /** The first refusal after the last 2xx. */
  refusedSinceMs: number | null;
  refusedMs: number | null;
}

const columns = [
  ['endpoint_id', 'uuid', (noted: Noted) => noted.endpointId],
  ['firm_id', 'uuid', (noted: Noted) => noted.firmId],
  ['acknowledged_at', 'timestamptz', (noted: Noted) => isoTime(noted.acknowledgedMs)],
  ['refused_since', 'timestamptz', (noted: Noted) => isoTime(noted.refusedSinceMs)],
  ['refused_at', 'timestamptz', (noted: Noted) => isoTime(noted.refusedMs)],
] as const;
const names = columns.map(([name]) => name).join(', ');

const stillRefused = (row: string) =>
  `CASE WHEN ${row}.refused_since > coalesce(greatest(h.acknowledged_at, excluded.acknowledged_at), '-infinity')
     THEN ${row}.refused_since END`;

/** Several receivers write the same row, in any order and possibly twice, so the result depends on neither. */
const upsert = `
  INSERT INTO webhook_endpoint_health AS h (${names})
  SELECT * FROM unnest(${columns.map(([, type], i) => `$${i + 1}::${type}[]`).join(', ')}) AS r (${names})
  ORDER BY r.endpoint_id
  ON CONFLICT (endpoint_id) DO UPDATE SET
    acknowledged_at = greatest(h.acknowledged_at, excluded.acknowledged_at),
    refused_since = least(${stillRefused('h')}, ${stillRefused('excluded')}),
    refused_at = greatest(h.refused_at, excluded.refused_at)`;

/** Notes answers in memory and writes them every `flushMs`: a delivery costs no round trip. A crash loses the unwritten notes. */
export function startEndpointHealthRecorder(options: {
  pool: pg.Pool;
  flushMs: number;
  onError(error: unknown): void;
}): EndpointHealthRecorder {
  const latest = new Map<string, Noted>();
  let flushing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    if (latest.size === 0) return;
    const batch = [...latest.values()];
    const firmIds = batch.flatMap(({ firmId }) => firmId ?? []);
    await withFirms(options.pool, { firmIds, platform: true }, (query) =>
      query(upsert, columnwise(columns, batch)),
    );
    // An entry that was replaced during the write is not written yet: it stays for the next flush.
    for (const noted of batch) if (latest.get(noted.endpointId) === noted) latest.delete(noted.endpointId);
  }

  const flush = () => {
    flushing = flushing.then(write).catch(options.onError);
    return flushing;
  };
  const timer = setInterval(flush, options.flushMs);
  return {
    note({ id, firmId }, acknowledged) {
      const nowMs = Date.now();
      const before = latest.get(id);
      latest.set(id, {
        endpointId: id,
        firmId,
        acknowledgedMs: acknowledged ? nowMs : (before?.acknowledgedMs ?? null),
        refusedSinceMs: acknowledged ? null : (before?.refusedSinceMs ?? nowMs),
        refusedMs: acknowledged ? (before?.refusedMs ?? null) : nowMs,
      });
    },
    flush,
    stop: async () => {
      clearInterval(timer);
      await flush();
    },
  };
}
