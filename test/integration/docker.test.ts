import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv, promisify } from 'node:util';
import { loadConfig } from '@semel/config';
import { Ajv } from 'ajv';
import { Redis } from 'ioredis';
import t from 'tap';
import { parse } from 'yaml';
import { startNameServer } from '../support/name-server.js';
import { noNginx, startNginx } from '../support/nginx.js';
import { freePort, waitUntil } from '../support/servers.js';

// Checks of docker/ that need no Docker engine. `npm run rehearse:docker` runs the build's own commands.

t.setTimeout(60_000);

const run = promisify(execFile);
const docker = fileURLToPath(new URL('../../docker/', import.meta.url));
const read = (file: string) => readFileSync(join(docker, file), 'utf8');
const compose = parse(read('compose.yaml'), { merge: true });
const dockerfile = read('Dockerfile');
const apps = ['receiver', 'worker', 'console'];
const ours = [...apps, 'migrate'];

t.test('the compose file is valid by the Compose Specification', async (t) => {
  // schema/compose-spec.json of compose-spec/compose-spec at 170098ba, Apache-2.0
  const schema = JSON.parse(readFileSync(new URL('../support/compose-spec.json', import.meta.url), 'utf8'));
  delete schema.$schema; // its draft-07 URL lacks the trailing #
  const isValid = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  t.ok(isValid(compose), JSON.stringify(isValid.errors));
  t.notOk(isValid({ services: { receiver: { imagee: 'x' } } }), 'it finds a misspelt word');
});

t.test('receivers and workers can be scaled', async (t) => {
  for (const [name, service] of Object.entries<Record<string, unknown>>(compose.services))
    t.notOk('container_name' in service, `${name}: a name would be taken`);
  for (const name of ['receiver', 'worker'])
    t.notOk('ports' in compose.services[name], `${name}: a port would be taken`);
  const { scrape_configs: jobs } = parse(read('prometheus/prometheus.yml'));
  for (const name of apps) {
    const job = jobs.find((job: { job_name: string }) => job.job_name === name);
    t.match(job.dns_sd_configs, [{ names: [name], type: 'A' }], `${name}: each address is scraped`);
  }
});

t.test('containers are confined: no privileges, read-only files, private networks', async (t) => {
  for (const name of ours)
    t.match(compose.services[name], {
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      build: { context: '..', dockerfile: 'docker/Dockerfile', target: name },
    });
  t.equal(compose.networks.stores.internal, true);
  const inStores = Object.keys(compose.services).filter((name) =>
    compose.services[name].networks?.includes('stores'),
  );
  t.same(inStores.sort(), [...ours, 'postgres', 'redis'].sort(), 'the stores are reached by the apps alone');
  for (const [name, { ports = [] }] of Object.entries<{ ports?: string[] }>(compose.services))
    for (const port of ports) t.match(port, /127\.0\.0\.1:\d+\}:\d+$/, `${name}: on the loopback alone`);
});

t.test('each service gets only the secrets that it needs', async (t) => {
  const secrets = [...read('init-env.sh').matchAll(/^(\w+)=\$\(/gm)].map(([, name]) => name as string);
  const given = Object.fromEntries(
    Object.entries<Record<string, unknown>>(compose.services).map(([name, service]) => {
      const { environment = {}, command = [], healthcheck = {} } = service;
      const text = JSON.stringify([environment, command, healthcheck]);
      return [name, secrets.filter((secret) => text.includes(`\${${secret}`)).sort()];
    }),
  );
  t.strictSame(given, {
    postgres: ['POSTGRES_PASSWORD'],
    redis: ['REDIS_PASSWORD'],
    migrate: [
      'CONSOLE_DATABASE_PASSWORD',
      'POSTGRES_PASSWORD',
      'RECEIVER_DATABASE_PASSWORD',
      'REDIS_PASSWORD',
      'SEMEL_ENCRYPTION_KEY',
      'WORKER_DATABASE_PASSWORD',
    ],
    receiver: ['RECEIVER_DATABASE_PASSWORD', 'REDIS_PASSWORD', 'SEMEL_ENCRYPTION_KEY'],
    proxy: [],
    worker: ['REDIS_PASSWORD', 'SEMEL_ENCRYPTION_KEY', 'WORKER_DATABASE_PASSWORD'],
    console: ['CONSOLE_DATABASE_PASSWORD', 'CONSOLE_PASSWORD', 'REDIS_PASSWORD', 'SEMEL_ENCRYPTION_KEY'],
    prometheus: [],
    grafana: ['GRAFANA_PASSWORD'],
  });
  for (const [name, service] of Object.entries<Record<string, unknown>>(compose.services))
    t.notOk('env_file' in service, `${name} does not get the whole file`);
});

t.test('an app starts after its dependencies, has time to stop, and is restarted if it ended', async (t) => {
  for (const name of apps) {
    const { depends_on, stop_grace_period, restart } = compose.services[name];
    t.equal(restart, 'unless-stopped');
    t.match(depends_on, {
      migrate: { condition: 'service_completed_successfully' },
      redis: { condition: 'service_healthy' },
    });
    const { shutdownTimeoutMs } = loadConfig({ ...example, SEMEL_DATA_DIR: t.testdirName });
    t.ok(Number.parseInt(stop_grace_period, 10) * 1000 > shutdownTimeoutMs);
  }
});

const example = {
  DATABASE_URL: 'postgres://postgres/semel',
  REDIS_URL: 'redis://redis',
  SEMEL_ENCRYPTION_KEY: Buffer.alloc(32).toString('base64'),
};

t.test('one command creates all required secrets', async (t) => {
  const folder = t.testdir();
  cpSync(join(docker, 'init-env.sh'), join(folder, 'init-env.sh'));
  await run('sh', [join(folder, 'init-env.sh')]);
  const file = join(folder, '.env');
  t.equal(statSync(file).mode & 0o777, 0o600);
  const made = parseEnv(readFileSync(file, 'utf8'));
  const needed = [...read('compose.yaml').matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name as string);
  t.same(Object.keys(made).sort(), [...new Set(needed)].sort(), 'no more, no less');
  t.equal(new Set(Object.values(made)).size, needed.length === 0 ? 0 : Object.keys(made).length);
  const settings = loadConfig({ ...example, ...made, SEMEL_DATA_DIR: folder });
  t.equal(settings.encryptionKey.length, 32);
  t.ok(URL.canParse(`redis://:${made.REDIS_PASSWORD}@redis:6379`), 'no password has to be encoded');

  await t.rejects(run('sh', [join(folder, 'init-env.sh')]), /is there already/);
  t.same(parseEnv(readFileSync(file, 'utf8')), made, 'it is never replaced');

  for (const line of read('compose.yaml').split('\n'))
    for (const [, name] of line.matchAll(/\$\{(\w+)\}/g))
      t.ok(needed.includes(name as string), `${name} is demanded where it is first used`);
});

t.test('the images', async (t) => {
  const stages = dockerfile.split(/^(?=FROM )/m).slice(1);
  const stage = (name: string) => stages.find((text) => text.startsWith(`FROM runtime AS ${name}\n`)) ?? '';
  const runtime = stages.find((text) => / AS runtime\n/.test(text)) ?? '';
  t.match(runtime, /^FROM node:24-/);
  t.match(runtime, /^USER node$/m);
  for (const name of ours)
    t.match(stage(name), /^(CMD|ENTRYPOINT) \["node", /m, `${name} is not run by a shell`);
  for (const name of ours) t.notMatch(stage(name), /^USER /m);

  let status = 200;
  const asked: string[] = [];
  const app = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(status).end();
  });
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  const port = String((app.address() as AddressInfo).port);
  for (const name of apps) {
    const [program, ...args] = JSON.parse(/^HEALTHCHECK .*CMD (\[.*\])$/m.exec(stage(name))?.[1] ?? '[]');
    t.equal(program, 'node');
    const check = () => run(process.execPath, args, { env: { [`${name.toUpperCase()}_PORT`]: port } });
    status = 200;
    await t.resolves(check(), `${name} is healthy`);
    status = 503;
    await t.rejects(check(), `${name} is not`);
  }
  t.same(new Set(asked), new Set(['/livez']));
  app.close();
  await once(app, 'close');
  await t.rejects(
    run(process.execPath, ['-e', healthOf(stage('receiver'))], { env: { RECEIVER_PORT: port } }),
  );
});

const healthOf = (stage: string): string =>
  JSON.parse(/CMD (\["node", "-e".*\])$/m.exec(stage)?.[1] ?? '[]')[2];

t.test('Redis with the composed settings loses nothing that it acknowledged', async (t) => {
  const [, file, ...options] = compose.services.redis.command as string[];
  t.ok(compose.services.redis.volumes.includes(`./redis/redis.conf:${file}:ro`));
  t.same(options.slice(0, 3), ['--dir', '/data', '--requirepass']);
  const port = await freePort();
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', t.testdir()];
  const server = spawn(
    'redis-server',
    [join(docker, 'redis/redis.conf'), '--requirepass', 'secret', ...place],
    { stdio: 'ignore' },
  );
  const redis = new Redis({ port, password: 'secret', maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  t.teardown(async () => {
    redis.disconnect();
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
  });
  const settings = await redis.config('GET', 'append*', 'maxmemory*', 'save');
  const all = Object.fromEntries(
    (settings as string[]).flatMap((name, i, list) => (i % 2 === 0 ? [[name, list[i + 1]]] : [])),
  );
  t.match(all, { appendonly: 'yes', appendfsync: 'always', 'maxmemory-policy': 'noeviction', save: '' });
  t.ok(Number(all.maxmemory) > 0, 'else REDIS_HIGH_WATER would be a share of nothing');
});

t.test(
  'the proxy follows receivers as they come and go',
  {
    skip: noNginx || (process.platform !== 'linux' && 'this system has one loopback address'),
  },
  async (t) => {
    const port = await freePort();
    const names = new Map<string, string[]>();
    const dns = await startNameServer(t, names);
    const receiver = async (host: string) => {
      const server = createServer((request, response) => response.end(`${host} ${request.url}`));
      server.listen(port, host);
      await once(server, 'listening');
      return async () => {
        server.close();
        server.closeAllConnections();
        await once(server, 'close');
      };
    };
    const endFirst = await receiver('127.0.0.2');
    const ends = [await receiver('127.0.0.3')];
    t.teardown(async () => void (await Promise.all(ends.map((end) => end()))));
    names.set('receiver', ['127.0.0.2', '127.0.0.3']);
    const proxy = await startNginx(
      t,
      'http://unused',
      (site) =>
        site
          .replace('resolver 127.0.0.11 valid=2s', `resolver 127.0.0.1:${dns} valid=1s`)
          .replace('receiver:8080', `receiver:${port}`),
      join(docker, 'nginx/semel.conf'),
    );
    const post = async (path = '/webhooks/stripe/key') => {
      const answer = await fetch(proxy + path, { method: 'POST', body: 'x' });
      return answer.status === 200 ? await answer.text() : `status ${answer.status}`;
    };
    const seen = async (count: number) =>
      new Set(
        (await Promise.all(Array.from({ length: count }, () => post()))).map((text) => text.split(' ')[0]),
      );

    await waitUntil(async () => (await seen(20)).size === 2, { what: 'both receivers get some' });
    const path = '/webhooks/square/key?a=b%2Fc%20d&e=//f&g=%C3%A4+h';
    t.ok((await post(path)).endsWith(` ${path}`), 'path and query as they were written');
    t.equal(await post('/metrics'), 'status 404');

    await endFirst(); // its DNS name stays for a moment, as after a kill
    t.same([...(await seen(20))], ['127.0.0.3'], 'no request is lost to the one that is gone');
    ends.push(await receiver('127.0.0.4'));
    names.set('receiver', ['127.0.0.3', '127.0.0.4']);
    await waitUntil(async () => (await seen(20)).has('127.0.0.4'), { what: 'a new receiver gets some' });
  },
);
