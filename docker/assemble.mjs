// `node docker/assemble.mjs <app> <folder>`: copies what one app needs in production, in the layout of the repository, so that
// relative paths hold: the app, the workspace packages it depends on, the migrations, and the npm packages that they need.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prune } from './prune.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [app, folder] = process.argv.slice(2);
if (!app || !folder) throw new Error('usage: node docker/assemble.mjs <app> <folder>');
const out = resolve(root, folder);

const projects = new Map(
  ['apps', 'packages'].flatMap((under) =>
    readdirSync(join(root, under)).map((name) => [`@semel/${name}`, `${under}/${name}`]),
  ),
);
const manifest = (project) => JSON.parse(readFileSync(join(root, project, 'package.json'), 'utf8'));

/** `name` and the projects that it depends on. */
function closure(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const needed of Object.keys(manifest(projects.get(name)).dependencies ?? {}))
    if (projects.has(needed)) closure(needed, found);
  return found;
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const copy = (path) => cpSync(join(root, path), join(out, path), { recursive: true, filter: isNeeded });
const isNeeded = (path) => !/\.(d\.ts|d\.ts\.map|tsbuildinfo)$/.test(basename(path));

for (const file of ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', '.npmrc', 'LICENSE']) copy(file);
copy('prisma/migrations');
for (const project of projects.values()) copy(join(project, 'package.json')); // the lockfile names them all
const needed = closure(`@semel/${app}`);
for (const name of needed)
  for (const part of ['dist', 'bin'])
    if (existsSync(join(root, projects.get(name), part))) copy(join(projects.get(name), part));

const options = ['--prod', '--offline', '--frozen-lockfile', '--ignore-scripts'];
execFileSync('pnpm', ['install', ...options, '--filter', `@semel/${app}...`], {
  cwd: out,
  env: { ...process.env, CI: '1' },
  stdio: ['ignore', 'inherit', 'inherit'],
});
for (const [name, project] of projects)
  if (!needed.has(name)) rmSync(join(out, project), { recursive: true });
prune(
  out,
  [...needed].map((name) => projects.get(name)),
);
