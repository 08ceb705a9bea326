import type { Metrics } from './metrics.js';

export interface Readiness {
  ready: boolean;
  /** What was looked at, and how it is: `{ redis: 'up', postgres: 'away' }`. */
  checks: Record<string, string>;
}

interface Reply {
  code(status: number): Reply;
  header(name: string, value: string): Reply;
  send(payload?: unknown): unknown;
}

/** The part of a Fastify instance that is used here. */
export interface HealthServer {
  get(path: string, handler: (request: unknown, reply: Reply) => Promise<unknown>): unknown;
}

export interface HealthOptions {
  metrics: Pick<Metrics, 'registry'>;
  isReady(): Promise<Readiness>;
  /** How long `isReady` may take before the app counts as not ready. Default 2000. */
  timeoutMs?: number;
}

/** Adds `GET /livez` (200 while the process answers), `GET /readyz` (200 or 503, with the checks) and `GET /metrics`. */
export function registerHealth(
  app: HealthServer,
  { metrics, isReady, timeoutMs = 2000 }: HealthOptions,
): void {
  app.get('/livez', async (_request, reply) => reply.send({ status: 'ok' }));

  app.get('/readyz', async (_request, reply) => {
    const { ready, checks } = await within(timeoutMs, isReady);
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ ready, checks });
  });

  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}

/** A check that hangs or throws says "not ready"; it must not leave the prober waiting. */
async function within(timeoutMs: number, isReady: () => Promise<Readiness>): Promise<Readiness> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Readiness>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, { ready: false, checks: { readiness: 'timed out' } });
  });
  const failed = (): Readiness => ({ ready: false, checks: { readiness: 'failed' } });
  try {
    return await Promise.race([isReady().catch(failed), late]);
  } finally {
    clearTimeout(timer);
  }
}

export interface Stores extends Record<string, string> {
  postgres: 'up' | 'unmigrated' | 'away';
  redis: 'up' | 'away';
}

/** The two stores as `/readyz` shows them; a database that lacks its migrations only looks like one. */
export async function lookAtStores(ask: {
  isMigrated(): Promise<boolean>;
  ping(): Promise<unknown>;
}): Promise<Stores> {
  const [postgres, redis] = await Promise.all([
    ask.isMigrated().then(
      (migrated) => (migrated ? 'up' : 'unmigrated'),
      () => 'away' as const,
    ),
    ask.ping().then(
      () => 'up' as const,
      () => 'away' as const,
    ),
  ]);
  return { postgres, redis };
}
