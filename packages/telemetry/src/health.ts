import { withDeadline } from '@semel/core';
import type { Metrics } from './metrics.js';

export interface Readiness {
  ready: boolean;
  /** The state of each dependency: `{ redis: 'up', postgres: 'away' }`. */
  checks: Record<string, string>;
}

interface Reply {
  code(status: number): Reply;
  header(name: string, value: string): Reply;
  send(payload?: unknown): unknown;
}

/** The methods of a Fastify instance that this module calls. */
export interface HealthServer {
  get(path: string, handler: (request: unknown, reply: Reply) => Promise<unknown>): unknown;
}

export interface HealthOptions {
  metrics: Pick<Metrics, 'registry'>;
  isReady(): Promise<Readiness>;
  /** How long `isReady` may take before the app counts as not ready. Default 2000. */
  timeoutMs?: number;
}

/** Adds `GET /livez` (always 200), `GET /readyz` (200 or 503, with the checks) and `GET /metrics`. */
export function registerHealth(
  app: HealthServer,
  { metrics, isReady, timeoutMs = 2000 }: HealthOptions,
): void {
  app.get('/livez', async (_request, reply) => reply.send({ status: 'ok' }));

  app.get('/readyz', async (_request, reply) => {
    // A check that hangs or fails means "not ready"; the prober must not wait for it.
    const { ready, checks } = await withDeadline(timeoutMs, isReady(), () => new Error('timed out')).catch(
      (error: Error) => ({
        ready: false,
        checks: { readiness: error.message === 'timed out' ? 'timed out' : 'failed' },
      }),
    );
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ ready, checks });
  });

  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}

export interface Stores extends Record<string, string> {
  postgres: 'up' | 'unmigrated' | 'away';
  redis: 'up' | 'away';
}

/** The state of both stores, as `/readyz` shows it. `unmigrated`: migrations are missing. */
export async function checkStores(stores: {
  isMigrated(): Promise<boolean>;
  ping(): Promise<unknown>;
}): Promise<Stores> {
  const [postgres, redis] = await Promise.all([
    stores.isMigrated().then(
      (migrated) => (migrated ? 'up' : 'unmigrated'),
      () => 'away' as const,
    ),
    stores.ping().then(
      () => 'up' as const,
      () => 'away' as const,
    ),
  ]);
  return { postgres, redis };
}
