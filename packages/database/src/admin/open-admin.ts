import { PrismaPg } from '@prisma/adapter-pg';
import { type DatabaseOptions, openPool } from '../connection/pool.js';
import type { EncryptionKey } from '../connection/secrets.js';
import { PrismaClient } from '../generated/client.js';
import { type Accounts, accountsOf } from './accounts.js';
import { type AuditTrail, auditTrailOf } from './audit-trail.js';
import { type Destinations, destinationsOf } from './destinations.js';
import { type AdminEndpoints, endpointsOf } from './endpoints.js';
import { type Events, eventsOf } from './events.js';
import { type Firms, firmsOf } from './firms.js';
import { type OperatorActions, operatorActionsOf } from './operator-actions.js';
import { type Outbox, outboxOf } from './outbox.js';
import { type Status, statusOf } from './overview.js';
import type { Providers } from './providers.js';
import { type Quarantine, quarantineOf } from './quarantine.js';
import { type Replayable, replayableOf } from './replayable.js';
import { scopeOf } from './scope.js';

export interface AdminOptions extends DatabaseOptions {
  encryptionKey: EncryptionKey;
  providers: Providers;
}

/**
 * The operations of an operator, over all firms. Connects on first use, with the console's role. Throws `AdminError` for a
 * request that can't be fulfilled, and `StoreUnavailableError` if Postgres is unreachable.
 */
export interface Admin {
  firms: Firms;
  endpoints: AdminEndpoints;
  accounts: Accounts;
  events: Events;
  quarantine: Quarantine;
  destinations: Destinations;
  outbox: Outbox;
  replayable: Replayable;
  status: Status;
  actions: OperatorActions;
  audit: AuditTrail;
  close(): Promise<void>;
}

export function openAdmin({ databaseUrl, passwords, encryptionKey, providers }: AdminOptions): Admin {
  const pool = openPool({
    databaseUrl,
    passwords,
    role: 'console',
    max: 4,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 30_000,
  });
  const client = new PrismaClient({ adapter: new PrismaPg(pool) });
  const scope = scopeOf(client);
  return {
    firms: firmsOf(scope),
    endpoints: endpointsOf(scope, providers, encryptionKey),
    accounts: accountsOf(scope, providers),
    events: eventsOf(scope, providers),
    quarantine: quarantineOf(scope, providers),
    destinations: destinationsOf(scope, encryptionKey),
    outbox: outboxOf(scope),
    replayable: replayableOf(scope, providers),
    status: statusOf(pool, providers),
    actions: operatorActionsOf(scope),
    audit: auditTrailOf(scope, providers),
    async close() {
      await client.$disconnect();
      await pool.end();
    },
  };
}
