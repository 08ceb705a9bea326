import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the apps have written down of a run, for the table and for what a 200 was not promised to survive. */
export interface LogFacts {
  /** Events that were acknowledged with the alert `ack.degraded`: Postgres was away, and only the queue has them. */
  degraded: Set<string>;
  /** Duplicates by the layer that knew the event. */
  duplicates: Map<string, number>;
}

export function readLogs(dir: string): LogFacts {
  const facts: LogFacts = { degraded: new Set(), duplicates: new Map() };
  for (const file of readdirSync(join(dir, 'logs')))
    for (const line of readFileSync(join(dir, 'logs', file), 'utf8').split('\n')) {
      if (!line.includes('"ack.degraded"') && !line.includes('"layer":')) continue;
      const { msg, provider, eventId, layer } = parse(line);
      if (msg === 'ack.degraded') facts.degraded.add(`${provider}:${eventId}`);
      else if (typeof layer === 'string') facts.duplicates.set(layer, (facts.duplicates.get(layer) ?? 0) + 1);
    }
  return facts;
}

/** The last line of a process that was killed may be half a line. */
function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}
