import type { Redis as SingleRedis } from 'ioredis';
import { mastersOf, type Redis } from './topology.js';

/** What is wrong with the settings of the masters, one line each; empty: nothing. Throws if one is too old or away. */
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
      warnings.push('maxmemory-policy is not noeviction: Redis may throw accepted events away');
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
 * Says what `checkRedis` finds, each thing once: `onWarning` for a setting, `onError` for a server that is too old. It looks
 * again after each connection, for it may be another server's by then.
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
        if (redis.status === 'ready') onError(error); // else it is only gone again
      },
    );
  });
}
