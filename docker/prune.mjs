import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Removes from pnpm's store in `folder` each package that is not in the `dependencies` or required peers of `projects`, directly or
 * indirectly. pnpm also links optional peers that it finds in the workspace, such as Prisma's whole command line (300 MB). From the
 * other packages, removes files that no process reads: types, and Prisma's query compilers for other databases.
 */
export function prune(folder, projects) {
  const store = join(folder, 'node_modules', '.pnpm');
  const reached = new Set();
  for (const project of projects) follow(join(folder, project), reached);

  for (const name of readdirSync(store)) {
    if (name === 'node_modules' || name === 'lock.yaml') continue;
    const home = join(store, name, 'node_modules');
    const packages = existsSync(home) ? packagesIn(home) : [];
    if (!packages.some((path) => !lstatSync(path).isSymbolicLink() && reached.has(realpathSync(path))))
      rmSync(join(store, name), { recursive: true });
  }
  for (const path of [...files(join(folder, 'node_modules'))])
    if (isDangling(path) || isUnread(path)) rmSync(path, { force: true });
}

function follow(path, reached) {
  const home = realpathSync(path);
  if (reached.has(home)) return;
  reached.add(home);
  const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
    readFileSync(join(home, 'package.json'), 'utf8'),
  );
  const isOptional = (peer) => peerDependenciesMeta?.[peer]?.optional === true;
  const peers = Object.keys(peerDependencies ?? {}).filter((peer) => !isOptional(peer));
  for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]) {
    const found = find(home, name);
    if (found !== null) follow(found, reached); // null: an optional package for another platform
  }
}

/** Resolves a package as Node does, from the folder of the package upwards. */
function find(from, name) {
  for (let at = from; ; at = dirname(at)) {
    const path = join(at, 'node_modules', name);
    if (existsSync(path)) return path;
    if (dirname(at) === at) return null;
  }
}

const packagesIn = (home) =>
  readdirSync(home).flatMap((name) =>
    name.startsWith('@')
      ? readdirSync(join(home, name)).map((inner) => join(home, name, inner))
      : [join(home, name)],
  );

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

const isDangling = (path) => lstatSync(path).isSymbolicLink() && !existsSync(path);
const isUnread = (path) =>
  /\.(d\.[cm]?ts|[cm]?js\.map|d\.[cm]?ts\.map)$/.test(path) ||
  /\/@prisma\/client\/runtime\/query_compiler_\w+_bg\.(?!postgresql)\w+\./.test(path);
