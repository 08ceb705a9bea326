import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';

/** What the apps logged in a run: duplicates by layer, and acknowledgements without durability. */
export interface LogFacts {
  /** Events acknowledged with the alert `ack.degraded`: Postgres was unreachable, so only the queue has them. */
  degraded: Set<string>;
  /** Duplicates by the layer that detected them. */
  duplicates: Map<string, number>;
}

/** Reads only the new log lines and returns the totals: a long run's logs are large. */
export function openLogs(dir: string): { read(): LogFacts } {
  const facts: LogFacts = { degraded: new Set(), duplicates: new Map() };
  const files = new Map<string, { at: number; decoder: StringDecoder; rest: string }>();
  const chunk = Buffer.alloc(1 << 20);

  function readFile(name: string): void {
    const file = files.get(name) ?? { at: 0, decoder: new StringDecoder('utf8'), rest: '' };
    files.set(name, file);
    const descriptor = openSync(join(dir, 'logs', name), 'r');
    for (let n = 1; n > 0; file.at += n) {
      n = readSync(descriptor, chunk, 0, chunk.length, file.at);
      const lines = (file.rest + file.decoder.write(chunk.subarray(0, n))).split('\n');
      file.rest = lines.pop() ?? '';
      for (const line of lines) note(line);
    }
    closeSync(descriptor);
  }

  function note(line: string): void {
    if (!line.includes('"ack.degraded"') && !line.includes('"layer":')) return;
    const { msg, provider, eventId, layer } = parse(line);
    if (msg === 'ack.degraded') facts.degraded.add(`${provider}:${eventId}`);
    else if (typeof layer === 'string') facts.duplicates.set(layer, (facts.duplicates.get(layer) ?? 0) + 1);
  }

  return {
    read() {
      for (const name of readdirSync(join(dir, 'logs'))) readFile(name);
      return facts;
    },
  };
}

/** A killed process may leave half a line, followed by the next process's line. */
function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}
