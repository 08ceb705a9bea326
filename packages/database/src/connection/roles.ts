import type { PoolConfig } from 'pg';
import { parse } from 'pg-connection-string';

/** Each app connects as a separate role; `semel migrate` creates them. The command line uses the console's. */
export const appRoles = ['receiver', 'worker', 'console'] as const;
export type AppRole = (typeof appRoles)[number];

export const roleName = (role: AppRole) => `semel_${role}`;

/** The variable of the role's password. */
const variableOf = (role: AppRole) => `${role.toUpperCase()}_DATABASE_PASSWORD`;

/** The passwords that this process holds: an app's own one; all of them where `semel migrate` runs. */
export type RolePasswords = { readonly [Role in AppRole]?: string | null };

/** A role's password is missing, or belongs to another role as well. The message says what to set. */
export class RolePasswordError extends Error {
  readonly code: 'database_password_missing' | 'database_password_shared';
  constructor(code: RolePasswordError['code'], message: string) {
    super(message);
    this.name = 'RolePasswordError';
    this.code = code;
  }
}

/**
 * Connection settings for `databaseUrl` as the given role: with the URL's own login if it names the role, otherwise with the
 * role's password. Throws `RolePasswordError` if there is none.
 */
export function connectionAs(databaseUrl: string, role: AppRole, passwords: RolePasswords): PoolConfig {
  const { host, port, database, ssl, user, password } = parse(databaseUrl);
  return {
    ...(host ? { host } : {}),
    ...(port ? { port: Number(port) } : {}),
    ...(database ? { database } : {}),
    ...(ssl === undefined ? {} : { ssl: ssl as PoolConfig['ssl'] & object }),
    user: roleName(role),
    password: (user === roleName(role) && password) || requirePassword(role, passwords),
  };
}

/** The password of each role, to be set. Throws `RolePasswordError` if one is missing, or if two roles share one. */
export function requirePasswords(passwords: RolePasswords): [AppRole, string][] {
  const all = appRoles.map((role): [AppRole, string] => [role, requirePassword(role, passwords)]);
  if (new Set(all.map(([, password]) => password)).size < all.length)
    throw new RolePasswordError(
      'database_password_shared',
      `two roles have the same password, so one app could connect as the other: set ${appRoles.map(variableOf).join(', ')} to different values`,
    );
  return all;
}

function requirePassword(role: AppRole, passwords: RolePasswords): string {
  const password = passwords[role];
  if (password) return password;
  throw new RolePasswordError(
    'database_password_missing',
    `the password of ${roleName(role)} is missing: set ${variableOf(role)}, or name ${roleName(role)} and its password in DATABASE_URL`,
  );
}
