// Installs and builds what a fresh clone lacks. It runs before the packages are installed, so it imports only Node's modules. Each
// function that fails throws a `BootstrapError` of one line.
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

/** Progress goes to standard error: programs read standard output. */
export const say = (line) => process.stderr.write(`${line}\n`);

export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new BootstrapError(
    `Semel needs Node.js 20.19 or newer, and this is ${version}: see https://nodejs.org`,
  );
}

/** Installs with the pinned pnpm if node_modules is missing or older than the lockfile. */
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
  // CI=1: pnpm does not ask whether it may replace an older node_modules.
  const { status, error } = run('npx', args, { env: { ...process.env, CI: '1' }, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    throw new BootstrapError(
      `the packages could not be installed (${error?.message ?? `pnpm ended with ${status}`})`,
    );
  }
  linkWorkspace();
  writeFileSync(stamp, wanted);
}

/** pnpm hoists the workspace's packages (publicHoistPattern) into a new node_modules, but not into an existing one. */
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

/** Generates the Prisma client if it is missing or older than the schema. */
export function generate() {
  step('generate the Prisma client', process.execPath, [join(root, 'scripts', 'generate.mjs')]);
}

/** Compiles what has changed. */
export function build() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const apps = ['receiver', 'worker', 'console', 'cli', 'start'].map((app) => join('apps', app));
  step('build', process.execPath, [tsc, '-b', ...apps]);
}

function step(what, command, args) {
  const { status } = run(command, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new BootstrapError(`could not ${what}: see above`);
}

/** Finds Redis 7 or Valkey on PATH, installs it by apt (as root on Debian or Ubuntu), or finds a running Docker engine. */
export function ensureRedis() {
  if (hasRedis()) return;
  if (aptInstall('redis-server') && hasRedis()) return;
  if (
    run('docker', ['info', '--format', '{{.ServerVersion}}'], { stdio: 'pipe', timeout: 5000 }).stdout?.trim()
  )
    return;
  throw new BootstrapError(`Redis 7 or newer is missing: ${installCommand()}, or set REDIS_URL`);
}

/** Installs a package as root on Debian or Ubuntu. Returns false elsewhere, or if it fails. */
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

/** Runs the script's `main`. A `BootstrapError` is printed as one line, without a stack. */
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
