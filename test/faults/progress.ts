import { appendFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Progress } from './fault-run.js';
import { describeProgress } from './report.js';

/** Shows a run while it lasts, and keeps what it had, so that a run that is interrupted is not lost as well. */
export function openProgress(name: string) {
  const dir = new URL('../../.turbo/faults/', import.meta.url);
  mkdirSync(dir, { recursive: true });
  const file = fileURLToPath(new URL(`${new Date().toISOString().replace(/[:.]/g, '-')}-${name}.jsonl`, dir));
  const { stderr } = process;
  const beganMs = Date.now();
  let shown = 0;
  const write = (line: object) => appendFileSync(file, `${JSON.stringify(line)}\n`);
  return {
    file,
    show(progress: Progress): void {
      write({ atMs: Date.now() - beganMs, ...progress });
      const line = `${Math.round((Date.now() - beganMs) / 1000)} s · ${describeProgress(progress)}`;
      if (stderr.isTTY) stderr.write(`\r\x1b[2K${line.slice(0, stderr.columns - 1)}`);
      else if (shown++ % 10 === 0) stderr.write(`${line}\n`);
    },
    end(result: object): void {
      write({ result });
      if (stderr.isTTY) stderr.write('\r\x1b[2K');
    },
  };
}
