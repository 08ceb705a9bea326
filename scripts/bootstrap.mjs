// What a fresh clone lacks, brought before anything else runs. Nothing but Node's own modules here: it runs before the
// installation. Each function stops with one clear line where it can't go on.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [pnpmVersion] = readJson('package.json').packageManager.split('@').slice(1);

export class BootstrapError extends Error {}

/** People read it, and programs read standard output: so it goes to standard error. */
export const say = (line) => process.stderr.write(`${line}\n`);

export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new BootstrapError(
    `Semel needs Node.js 20.19 or newer, and this is ${version}: see https://nodejs.org`,
  );
}

/** Installs with the pinned pnpm where node_modules is missing or older than the lockfile. */
export function installMissing() {
  const stamp = join(root, 'node_modules', '.semel-installed');
  const wanted = createHash('sha256')
    .update(read('pnpm-lock.yaml'))
    .update(read('pnpm-workspace.yaml'))
    .digest('hex');
  const complete = workspaceFolders().every((folder) => existsSync(join(folder, 'node_modules')));
  if (complete && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;

  say('Installing packages (once) …');
  const args = ['--yes', `pnpm@${pnpmVersion}`, 'install', '--frozen-lockfile', '--prod=false'];
  // CI: it must not ask whether an older node_modules may be replaced.
  const { status, error } = run('npx', args, { env: { ...process.env, CI: '1' }, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    throw new BootstrapError(
      `the packages could not be installed (${error?.message ?? `pnpm ended with ${status}`})`,
    );
  }
  linkWorkspace();
  writeFileSync(stamp, wanted);
}

/** pnpm hoists the workspace's own packages (publicHoistPattern) into a new node_modules, but not into one that it updates. */
function linkWorkspace() {
  const link = (target, path) => {
    if (existsSync(path)) return;
    rmSync(path, { force: true }); // a link that points nowhere
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(relative(dirname(path), target), path);
  };
  for (const folder of workspaceFolders())
    link(folder, join(root, 'node_modules', '@semel', basename(folder)));
  link(join(root, 'apps', 'cli', 'bin', 'semel.mjs'), join(root, 'node_modules', '.bin', 'semel'));
}

/** Makes the Prisma client where it is missing or older than the schema. */
export function generate() {
  step('generate the Prisma client', process.execPath, [join(root, 'scripts', 'generate.mjs')]);
}

/** Compiles what changed since the last time. */
export function build() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const apps = ['receiver', 'worker', 'console', 'cli', 'start'].map((app) => join('apps', app));
  step('build', process.execPath, [tsc, '-b', ...apps]);
}

function step(what, command, args) {
  const { status } = run(command, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new BootstrapError(`could not ${what}: see above`);
}

/** Redis 7 or Valkey: from PATH, else by apt as root on Debian or Ubuntu, else a Docker engine that runs. */
export function ensureRedis() {
  if (hasRedis()) return;
  if (aptInstall('redis-server') && hasRedis()) return;
  if (
    run('docker', ['info', '--format', '{{.ServerVersion}}'], { stdio: 'pipe', timeout: 5000 }).stdout?.trim()
  )
    return;
  throw new BootstrapError(`Redis 7 or newer is missing: ${installCommand()}, or set REDIS_URL`);
}

/** As root on Debian or Ubuntu, once; false: not here, or it failed. */
export function aptInstall(name) {
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) return false;
  say(`Installing ${name} (once) …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const apt = (...args) =>
    run('apt-get', ['-y', '-q', ...args], { env, stdio: ['ignore', 2, 2] }).status === 0;
  const install = () => apt('install', '--no-install-recommends', name);
  return install() || (apt('update') && install());
}

function hasRedis() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return ['redis-server', 'valkey-server'].some((name) =>
    folders.some((folder) => {
      const file = join(folder, name);
      if (!existsSync(file)) return false;
      const version = run(file, ['--version'], { stdio: 'pipe' }).stdout ?? '';
      return Number(/v=(\d+)/.exec(version)?.[1] ?? 0) >= 7;
    }),
  );
}

function installCommand() {
  if (process.platform === 'darwin') return 'type `brew install redis`';
  const managers = {
    'apt-get': 'sudo apt-get install redis-server',
    dnf: 'sudo dnf install valkey',
    apk: 'sudo apk add redis',
  };
  const found = Object.keys(managers).find(
    (name) => existsSync(`/usr/bin/${name}`) || existsSync(`/sbin/${name}`),
  );
  return `type \`${managers[found ?? 'apt-get']}\``;
}

/** Runs the script's `main`; what it can't do is said in one line, without a stack. */
export async function runScript(main) {
  try {
    process.exitCode = (await main()) ?? process.exitCode ?? 0;
  } catch (error) {
    say(error instanceof BootstrapError ? `semel: ${error.message}` : error.stack);
    process.exit(1);
  }
}

export const run = (command, args, options = {}) =>
  spawnSync(command, args, { cwd: root, encoding: 'utf8', ...options });

export const gitFiles = (...patterns) =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(root, file)));

export function read(file) {
  return readFileSync(join(root, file), 'utf8');
}

export function readJson(file) {
  return JSON.parse(read(file));
}

/** The folders of the workspace's packages and apps. */
export const workspaceFolders = () =>
  ['packages', 'apps'].flatMap((parent) =>
    readdirSync(join(root, parent))
      .map((name) => join(root, parent, name))
      .filter((folder) => existsSync(join(folder, 'package.json'))),
  );
