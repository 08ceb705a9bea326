import type { FastifyInstance } from 'fastify';
import { type ArmedFailpoint, createFailpoints, type Failpoints } from '../support/failpoints.js';

/** What a receiver or worker of a fault run is told, as JSON in `FAULTS_APP`. */
export interface AppSettings {
  port: number;
  databaseUrl: string;
  redisUrl: string;
  /** Base64. */
  encryptionKey: string;
  publicBaseUrl: string;
  providers: string[];
  /** A handler's errors until an event is dead. */
  attempts: number;
  budgetMs: number;
  /** What a 200 means, by provider; default `queue`. */
  durability: Record<string, 'queue' | 'postgres'>;
  /** When a copy of what the queue has is looked at again. */
  spillAgainAfterMs: number;
  /** Multiplies the providers' delays between attempts. */
  retryScale: number;
  /** How long a worker that does not answer keeps its jobs. */
  lockMs: number;
  /** How long a worker's statement, and its silence in a transaction, may last; well below `lockMs`. */
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

/** Starts an app, says when it is ready, takes failpoints from its parent, and ends with SIGTERM or with its parent. */
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
