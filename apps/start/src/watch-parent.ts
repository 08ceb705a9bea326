import { readFileSync } from 'node:fs';
import { isAlive } from './servers/index.js';

/**
 * Calls `onGone` when the npm that runs this process has ended. A SIGKILL of npm does not reach this process, and its servers
 * would keep running. Without npm (or under nohup, which keeps npm alive) nothing is watched.
 */
export function watchParent(env: NodeJS.ProcessEnv, onGone: () => void): void {
  if (env.npm_lifecycle_event === undefined) return;
  const shell = process.ppid;
  const above = parentOf(shell);
  const timer = setInterval(() => {
    if (process.ppid === shell && (above === null || isAlive(above))) return;
    clearInterval(timer);
    onGone();
  }, 500);
  timer.unref();
}

/** npm runs a script through a shell, which may stay in between. The parent's parent is known on Linux only. */
function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return /^(sh|dash|bash)$/.test(name) && parent > 1 ? parent : null;
  } catch {
    return null;
  }
}
