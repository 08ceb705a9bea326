import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, waitUntil } from './servers.js';

const example = fileURLToPath(new URL('../../docs/examples/nginx.conf', import.meta.url));
const binary = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  .map((folder) => join(folder, 'nginx'))
  .find(existsSync);

export const noNginx = binary === undefined ? 'nginx is not installed' : false;

/** `file` (the example of the documentation) in front of `receiver`, without TLS. `change` edits it. Returns its address. */
export async function startNginx(
  t: { teardown(end: () => Promise<void>): void },
  receiver: string,
  change: (site: string) => string = (site) => site,
  file: string = example,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'semel-nginx-'));
  const port = await freePort();
  const site = readFileSync(file, 'utf8')
    .replace('server 127.0.0.1:8080;', `server ${new URL(receiver).host};`)
    .replace(/listen (443 ssl|8080);/, `listen 127.0.0.1:${port};`)
    .replaceAll(/^ *ssl_.*\n/gm, '');
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  for (const temp of temps) mkdirSync(join(folder, temp));
  writeFileSync(join(folder, 'site.conf'), change(site));
  writeFileSync(
    join(folder, 'nginx.conf'),
    `${process.getuid?.() === 0 ? 'user root;\n' : ''}daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
${temps.map((temp) => `  ${temp}_temp_path ${folder}/${temp};`).join('\n')}
  include ${folder}/site.conf;
}
`,
  );
  const nginx = spawn(binary as string, ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  nginx.stderr.on('data', (text: Buffer) => (said += text));
  t.teardown(async () => {
    await stop(nginx);
    rmSync(folder, { recursive: true, force: true });
  });
  await waitUntil(
    async () => {
      if (nginx.exitCode !== null) throw new Error(`nginx ended with ${nginx.exitCode}: ${said}`);
      return listens(port);
    },
    { what: `nginx listens (${said})` },
  );
  return `http://127.0.0.1:${port}`;
}

async function stop(nginx: ChildProcess): Promise<void> {
  if (nginx.exitCode !== null) return;
  const ended = once(nginx, 'exit');
  nginx.kill('SIGTERM');
  await ended;
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => socket.end(() => resolve(true)));
    socket.on('error', () => resolve(false));
  });
