import { createHmac } from 'node:crypto';
import type { PoolConfig } from 'pg';
import { parse } from 'pg-connection-string';
import type { EncryptionKey } from './secrets.js';

/** Each app connects as a role of its own; `semel migrate` makes them. The command line uses the console's. */
export const appRoles = ['receiver', 'worker', 'console'] as const;
export type AppRole = (typeof appRoles)[number];

export const roleName = (role: AppRole) => `semel_${role}`;

/** Derived, so that there is one secret to keep and every process finds the same password by itself. */
export const rolePassword = (key: EncryptionKey, role: AppRole): string =>
  createHmac('sha256', key.bytes).update(`semel database role ${role}`).digest('base64url');

/** The one DATABASE_URL, seen as the given role. */
export function connectionAs(databaseUrl: string, role: AppRole, key: EncryptionKey): PoolConfig {
  const { host, port, database, ssl } = parse(databaseUrl);
  return {
    ...(host ? { host } : {}),
    ...(port ? { port: Number(port) } : {}),
    ...(database ? { database } : {}),
    ...(ssl === undefined ? {} : { ssl: ssl as PoolConfig['ssl'] & object }),
    user: roleName(role),
    password: rolePassword(key, role),
  };
}
