import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, StartError, startedAt } from './servers/index.js';

/** Creates the folder and locks it for this process; returns the function that unlocks it. A dead process's lock is replaced. */
export function takeDataFolder(dir: string): () => void {
  try {
    mkdirSync(dir, { recursive: true });
    accessSync(dir, constants.W_OK | constants.R_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(
      `${dir} is not a folder that can be written to (${code}): set SEMEL_DATA_DIR to one that is`,
    );
  }
  const file = join(dir, 'start.lock');
  const owner = readLock(file);
  if (owner !== null) {
    throw new StartError(
      `it runs already in ${dir} (process ${owner}): stop that one, or set SEMEL_DATA_DIR`,
    );
  }
  try {
    writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: startedAt(process.pid) }));
  } catch (error) {
    throw new StartError(`${file} can't be written: ${(error as Error).message}`);
  }
  return () => rmSync(file, { force: true });
}

/** The id of the process that holds the lock; null if it has ended, even if another process has its id now. */
function readLock(file: string): number | null {
  if (!existsSync(file)) return null;
  try {
    const lock = JSON.parse(readFileSync(file, 'utf8')) as { pid: number; startedAt: string };
    const holds = lock.pid !== process.pid && isAlive(lock.pid) && startedAt(lock.pid) === lock.startedAt;
    return holds ? lock.pid : null;
  } catch {
    return null; // the write of the lock was interrupted
  }
}
