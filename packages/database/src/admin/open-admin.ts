import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '../generated/client.js';
import { type DatabaseOptions, openPool } from '../pool.js';
import { type Accounts, accountsOf } from './accounts.js';
import { type Destinations, destinationsOf } from './destinations.js';
import { type AdminEndpoints, endpointsOf } from './endpoints.js';
import { type Events, eventsOf } from './events.js';
import { type Firms, firmsOf } from './firms.js';
import { type Outbox, outboxOf } from './outbox.js';
import type { Providers } from './providers.js';
import { type Quarantine, quarantineOf } from './quarantine.js';
import { scopeOf } from './scope.js';

export interface AdminOptions extends DatabaseOptions {
  providers: Providers;
}

/**
 * What an operator can see and do, over all firms: the command line and the console are made of it. Connects as the
 * console's role, on first use. Throws `AdminError` for what can't be done, `StoreUnavailableError` where Postgres is away.
 */
export interface Admin {
  firms: Firms;
  endpoints: AdminEndpoints;
  accounts: Accounts;
  events: Events;
  quarantine: Quarantine;
  destinations: Destinations;
  outbox: Outbox;
  close(): Promise<void>;
}

export function openAdmin({ databaseUrl, encryptionKey, providers }: AdminOptions): Admin {
  const pool = openPool({
    databaseUrl,
    encryptionKey,
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
    async close() {
      await client.$disconnect();
      await pool.end();
    },
  };
}
