import { createHmac } from 'node:crypto';
import type { PoolConfig } from 'pg';
import { parse } from 'pg-connection-string';
import type { EncryptionKey } from './secrets.js';

/** Each app connects as a separate role; `semel migrate` creates them. The command line uses the console's. */
export const appRoles = ['receiver', 'worker', 'console'] as const;
export type AppRole = (typeof appRoles)[number];

export const roleName = (role: AppRole) => `semel_${role}`;

/** Derived from the key, so that every process computes the same password and only one secret is stored. */
export const rolePassword = (key: EncryptionKey, role: AppRole): string =>
  createHmac('sha256', key.bytes).update(`semel database role ${role}`).digest('base64url');

/** Connection settings for DATABASE_URL as the given role. */
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
