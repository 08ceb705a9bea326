import type { RolePasswords } from '@semel/database';
import type { FastifyInstance } from 'fastify';
import { type ArmedFailpoint, createFailpoints, type Failpoints } from '../support/failpoints.js';

/** Settings of a receiver or worker in a fault run, passed as JSON in `FAULTS_APP`. */
export interface AppSettings {
  port: number;
  databaseUrl: string;
  redisUrl: string;
  /** Of the app's own database role. */
  passwords: RolePasswords;
  /** Base64. */
  encryptionKey: string;
  publicBaseUrl: string;
  providers: string[];
  /** Failed attempts until an event is dead. */
  attempts: number;
  budgetMs: number;
  /** What a 200 means, by provider; default `queue`. */
  durability: Record<string, 'queue' | 'postgres'>;
  /** When the relay checks a copy of a queued event again. */
  spillAgainAfterMs: number;
  /** Multiplies the providers' delays between attempts. */
  retryScale: number;
  /** How long an unresponsive worker keeps the lock on its jobs. */
  lockMs: number;
  /** Limit of a worker's statement and of an idle transaction; well below `lockMs`. */
  statementTimeoutMs: number;
  /** The version that a receiver gives its jobs. */
  jobVersion: number;
  /** Where the run keeps its files. */
  dir: string;
}

export const appSettingsEnv = 'FAULTS_APP';

/** From the run to an app. */
export type ToApp = { arm: ArmedFailpoint } | { disarm: true };
/** From an app to the run. */
export type FromApp = { ready: true } | { armed: true } | { hit: ArmedFailpoint };

export const readAppSettings = (): AppSettings => JSON.parse(process.env[appSettingsEnv] as string);

/**
 * Starts an app, reports when it is ready, takes failpoints from its parent, and ends on SIGTERM or with its parent.
 */
export async function runFaultApp(start: (failpoints: Failpoints) => Promise<FastifyInstance>) {
  const say = (message: FromApp) => void process.send?.(message);
  const failpoints = createFailpoints((hit) => say({ hit }));
  process.on('message', (message: ToApp) => {
    if ('arm' in message) {
      failpoints.arm(message.arm);
      say({ armed: true });
    } else failpoints.disarm();
  });
  process.on('disconnect', () => process.exit(0));
  const app = await start(failpoints);
  process.on('SIGTERM', () => void app.close().then(() => process.exit(0)));
  say({ ready: true });
}
