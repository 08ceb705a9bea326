import pg from 'pg';
import { makeTemplate } from '../support/database.js';
import { startPostgres, startRedis, type TestServer, uniqueName } from '../support/servers.js';

/** The stores of a fault run, killed and frozen many times; several runs can use them in turn. */
export interface FaultServers {
  postgres: TestServer;
  redis: TestServer;
  /** A new migrated database; returns a superuser's address of it. */
  newDatabase(): Promise<string>;
  stop(): Promise<void>;
}

export async function startServers(): Promise<FaultServers> {
  // Commits must survive a killed process; a power cut is not among the faults, so fsync is off.
  const [postgres, redis] = await Promise.all([
    startPostgres({ fsync: false, settings: { synchronous_commit: 'on' } }),
    startRedis({ appendonly: true }),
  ]);
  const template = await makeTemplate(postgres);
  return {
    postgres,
    redis,
    async newDatabase() {
      const name = uniqueName('faults');
      const client = new pg.Client({ connectionString: postgres.url });
      await client.connect();
      await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} OWNER semel_owner`);
      await client.end();
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      return url.href;
    },
    stop: async () => {
      await Promise.allSettled([postgres.stop(), redis.stop()]);
    },
  };
}
