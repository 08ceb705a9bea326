import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { AuditLine } from '@semel/database/admin';

export interface AuditSummary {
  lines: number;
  counts: Record<string, number>;
  /** In lower-case hex, over all bytes before the last line. */
  sha256: string;
}

/** Writes each line, then one with the counts and the SHA-256 of all lines before it. Waits for a slow reader. */
export async function writeAudit(
  lines: AsyncIterable<AuditLine>,
  out: Writable,
  about: object,
): Promise<AuditSummary> {
  const hash = createHash('sha256');
  const counts: Record<string, number> = {};
  let written = 0;
  for await (const line of lines) {
    const text = `${JSON.stringify(line)}\n`;
    hash.update(text);
    counts[line.kind] = (counts[line.kind] ?? 0) + 1;
    written += 1;
    await write(out, text);
  }
  const summary = { lines: written, counts, sha256: hash.digest('hex') };
  await write(out, `${JSON.stringify({ kind: 'end', ...about, ...summary })}\n`);
  return summary;
}

async function write(out: Writable, text: string): Promise<void> {
  if (!out.write(text)) await once(out, 'drain');
}
