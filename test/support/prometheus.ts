import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort, waitUntil } from './servers.js';

const isThere = (name: string) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));

export const noPrometheus =
  isThere('prometheus') && isThere('promtool') ? false : 'prometheus is not installed';

/** Prometheus reads its DNS server from /etc/resolv.conf, which a mount namespace can replace. */
const ownMounts = (file: string) => [
  '--mount',
  'sh',
  '-c',
  `mount --bind ${file} /etc/resolv.conf && exec "$@"`,
  'sh',
];

export const noOwnDns: string | false =
  spawnSync('unshare', ['--mount', 'sh', '-c', 'mount --bind /etc/hostname /etc/resolv.conf']).status === 0
    ? false
    : 'a name server of its own needs root and a mount namespace';

export interface PrometheusOptions {
  /** Path of `prometheus.yml`. */
  config: string;
  /** Path of the rules folder. */
  rules: string;
  /** Address of its DNS server, at port 53; null: the machine's. */
  nameServer: string | null;
}

/** Starts a Prometheus for one test. `get` queries its API and returns `data`. */
export async function startPrometheus(
  t: { teardown(end: () => Promise<void>): void },
  { config, rules, nameServer }: PrometheusOptions,
) {
  const folder = mkdtempSync(join(tmpdir(), 'semel-prometheus-'));
  const port = await freePort();
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, config.replace('alerts.yml', join(rules, 'alerts.yml')));
  writeFileSync(join(folder, 'resolv.conf'), `nameserver ${nameServer}\n`);
  const options = [`--config.file=${file}`, `--storage.tsdb.path=${folder}/data`];
  const command = ['prometheus', ...options, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn'];
  const [program, ...args] =
    nameServer === null ? command : ['unshare', ...ownMounts(join(folder, 'resolv.conf')), ...command];
  const server = spawn(program as string, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  server.stderr.on('data', (text: Buffer) => (said += text));
  t.teardown(async () => {
    if (server.exitCode === null) {
      const ended = once(server, 'exit');
      server.kill('SIGKILL'); // it has no data to save
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  async function get<Data>(path: string, query: Record<string, string> = {}): Promise<Data> {
    const answer = await fetch(`http://127.0.0.1:${port}${path}?${new URLSearchParams(query)}`);
    const { status, data, error } = (await answer.json()) as { status: string; data: Data; error?: string };
    if (status !== 'success') throw new Error(`${JSON.stringify(query)}: ${error}`);
    return data;
  }
  await waitUntil(
    async () => {
      if (server.exitCode !== null) throw new Error(`prometheus ended with ${server.exitCode}: ${said}`);
      return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok;
    },
    { what: `prometheus is ready (${said})` },
  );
  return { get };
}
