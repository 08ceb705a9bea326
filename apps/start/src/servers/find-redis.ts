import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { searchPath } from '@semel/config';
import { StartError } from './start-error.js';

/** A way to run Redis 7 or Valkey. */
export interface RedisProgram {
  command(configFile: string, port: number): { command: string; args: readonly string[] };
  settings: Readonly<Record<string, string>>;
  /** Whether the process id that Redis reports is the started one; a container numbers its processes separately. */
  isPid(reported: number, started: number): boolean;
}

let found: RedisProgram | undefined;

/** Redis on PATH, or a container if a Docker engine runs. Throws `StartError` if there is neither. */
export function findRedis(): RedisProgram {
  found ??= onPath() ?? inDocker();
  if (found === undefined)
    throw new StartError('there is no Redis 7 or newer on PATH: install redis-server, or set REDIS_URL');
  return found;
}

function onPath(): RedisProgram | undefined {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of searchPath().split(delimiter)) {
      const file = join(folder, name);
      if (folder === '' || !existsSync(file) || majorVersion(file) < 7) continue;
      return {
        command: (configFile) => ({ command: file, args: [configFile] }),
        settings: { bind: '127.0.0.1' },
        isPid: (reported, started) => reported === started,
      };
    }
  }
  return undefined;
}

const majorVersion = (file: string): number => Number(/v=(\d+)/.exec(output(file, ['--version']))?.[1] ?? 0);

/** Published on this machine's loopback only; inside the container it has to listen on every interface. */
function inDocker(): RedisProgram | undefined {
  if (output('docker', ['info', '--format', '{{.ServerVersion}}']).trim() === '') return undefined;
  return {
    command(configFile, port) {
      const name = `semel-redis-${port}`;
      output('docker', ['rm', '--force', name]); // left over from a client that was killed
      const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
      const dir = dirname(configFile);
      const options = ['--rm', '--init', '--name', name, '--user', user, '--volume', `${dir}:${dir}`];
      const image = ['redis:7-alpine', 'redis-server', configFile];
      return {
        command: 'docker',
        args: ['run', ...options, '--publish', `127.0.0.1:${port}:${port}`, ...image],
      };
    },
    settings: { bind: '0.0.0.0', 'protected-mode': 'no' },
    isPid: () => true,
  };
}

function output(command: string, args: string[]): string {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 20_000,
    });
  } catch {
    return '';
  }
}
