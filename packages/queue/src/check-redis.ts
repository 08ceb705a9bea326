import type { Redis as SingleRedis } from 'ioredis';
import { mastersOf, type Redis } from './topology.js';

/** Returns warnings about the settings of the masters, one line each. Throws if a master is too old or unreachable. */
export async function checkRedis(redis: Redis): Promise<string[]> {
  const warnings = await Promise.all(mastersOf(redis).map(checkServer));
  return [...new Set(warnings.flat())];
}

async function checkServer(server: SingleRedis): Promise<string[]> {
  const version = /redis_version:(\d+)\.(\d+)/.exec(await server.info('server'));
  if (Number(version?.[1]) < 7)
    throw new Error(`Redis ${version?.[1]}.${version?.[2]} is too old: 7.0 or newer is needed`);
  const setting = async (name: string) => ((await server.config('GET', name)) as string[])[1] ?? '';
  try {
    const warnings: string[] = [];
    if ((await setting('maxmemory-policy')) !== 'noeviction')
      warnings.push('maxmemory-policy is not noeviction: Redis may evict accepted events');
    if ((await setting('appendonly')) !== 'yes' || (await setting('appendfsync')) !== 'always')
      warnings.push(
        'appendonly yes with appendfsync always is not set: a power cut may lose accepted events',
      );
    return warnings;
  } catch {
    return ['CONFIG is not allowed here: check appendonly, appendfsync and maxmemory-policy yourself'];
  }
}

/**
 * Reports what `checkRedis` finds: `onWarning` once for each setting, `onError` for a server that is too old. Checks again after
 * each reconnect, which may lead to another server.
 */
export function checkRedisWhenReady(
  redis: Redis,
  { onWarning, onError }: { onWarning(warning: string): void; onError(error: unknown): void },
): void {
  const said = new Set<string>();
  redis.on('ready', () => {
    checkRedis(redis).then(
      (warnings) => {
        for (const warning of warnings) if (!said.has(warning)) onWarning(warning);
        for (const warning of warnings) said.add(warning);
      },
      (error: unknown) => {
        if (redis.status === 'ready') onError(error); // else the connection was lost again
      },
    );
  });
}
