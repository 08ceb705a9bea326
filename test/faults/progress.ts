import { appendFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Progress, RoundDone } from './fault-run.js';
import { describeProgress, invariants } from './report.js';

/** Progress of a run, one JSON value per line, so that an interrupted run keeps its results. */
export function openProgressFile(name: string) {
  const dir = new URL('../../.turbo/faults/', import.meta.url);
  mkdirSync(dir, { recursive: true });
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  const path = fileURLToPath(new URL(`${time}-${name}.jsonl`, dir));
  return { path, write: (line: object) => appendFileSync(path, `${JSON.stringify(line)}\n`) };
}

/** Shows a fault run's progress, and writes it to a file. */
export function openProgress(name: string) {
  const { path, write } = openProgressFile(name);
  const { stderr } = process;
  const beganMs = Date.now();
  let shown = 0;
  return {
    file: path,
    show(progress: Progress): void {
      write({ atMs: Date.now() - beganMs, ...progress });
      const line = `${Math.round((Date.now() - beganMs) / 1000)} s · ${describeProgress(progress)}`;
      if (stderr.isTTY) stderr.write(`\r\x1b[2K${line.slice(0, stderr.columns - 1)}`);
      else if (shown++ % 10 === 0) stderr.write(`${line}\n`);
    },
    /** Written and shown: an aborted run has shown its results so far. */
    round({ verdict, ...done }: RoundDone): void {
      write({ atMs: Date.now() - beganMs, done, verdict });
      const broken = invariants.filter(({ of }) => verdict[of].length > 0);
      const words = broken.map(({ name, of }) => `${name}: ${verdict[of].length}`).join(', ') || 'all holds';
      if (stderr.isTTY) stderr.write('\r\x1b[2K');
      stderr.write(`round ${done.round}: ${done.events} events and ${done.faults} faults so far, ${words}\n`);
    },
    end(result: object): void {
      write({ result });
      if (stderr.isTTY) stderr.write('\r\x1b[2K');
    },
  };
}
