import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The nearest folder at or above `from` that holds pnpm-workspace.yaml; else `from`. */
export function findRoot(from: string = process.cwd()): string {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return folder;
    if (dirname(folder) === folder) return resolve(from);
  }
}

/** The absolute path of SEMEL_DATA_DIR. */
export const resolveDataDir = (dataDir: string | undefined): string =>
  resolve(findRoot(), dataDir || '.semel');

/** Where programs are looked for. */
export const searchPath = (): string => process.env.PATH ?? '';

/** Absolute paths of a list that is separated by commas. */
export const resolvePaths = (list: string): string[] =>
  list
    .split(',')
    .map((path) => path.trim())
    .filter((path) => path !== '')
    .map((path) => resolve(findRoot(), path));
