import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StartError } from './start-error.js';

/** The user that PostgreSQL runs as: it refuses to run as root. */
export interface User {
  uid: number;
  gid: number;
}

const run = (command: string, args: string[]) =>
  execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' });

/** null if this process is not root. As root: the user `postgres`, created if it is missing. */
export function findUnprivilegedUser(): User | null {
  if (process.getuid?.() !== 0) return null;
  const look = (): User => ({
    uid: Number(run('id', ['-u', 'postgres'])),
    gid: Number(run('id', ['-g', 'postgres'])),
  });
  try {
    return look();
  } catch {
    // it is created below
  }
  try {
    run('groupadd', ['--system', 'postgres']);
    run('useradd', [
      '--system',
      '--gid',
      'postgres',
      '--no-create-home',
      '--shell',
      '/usr/sbin/nologin',
      'postgres',
    ]);
    return look();
  } catch (error) {
    throw new StartError(
      'PostgreSQL does not run as root, and the user `postgres` could not be made: run as another user, or set DATABASE_URL',
      { cause: error },
    );
  }
}

/**
 * The command, as this user and able to reach its files. In a folder that only root may enter (such as /root), the process
 * keeps root's right to enter folders, and no other right.
 */
export function asUser(
  user: User | null,
  command: string,
  args: readonly string[],
  paths: readonly string[],
): { command: string; args: readonly string[]; uid?: number; gid?: number } {
  if (user === null) return { command, args };
  if (paths.every((path) => canReach(path, user))) return { command, args, ...user };
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
  if (setpriv === undefined) {
    throw new StartError(
      `the user \`postgres\` can't enter ${dirname(command)}: move the repository out of root's home, or set DATABASE_URL`,
    );
  }
  const right = '+dac_override';
  // initdb calls access(2), which ignores the kept right unless this bit is set.
  const as = [
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    '--clear-groups',
    '--securebits=+no_setuid_fixup',
  ];
  return {
    command: setpriv,
    args: [...as, `--inh-caps=${right}`, `--ambient-caps=${right}`, command, ...args],
  };
}

function canReach(path: string, { uid, gid }: User): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    const stat = statSync(folder);
    const shift = stat.uid === uid ? 6 : stat.gid === gid ? 3 : 0;
    if (((stat.mode >> shift) & 1) === 0) return false;
    if (dirname(folder) === folder) return true;
  }
}

/** Changes the owner of a folder and everything in it. */
export function giveTo(user: User | null, path: string): void {
  if (user === null) return;
  chownSync(path, user.uid, user.gid);
  if (!statSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveTo(user, join(path, name));
}
