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

/** The folders in which programs are searched. */
export const searchPath = (): string => process.env.PATH ?? '';

/** The absolute paths of a comma-separated list. */
export const resolvePaths = (list: string): string[] =>
  list
    .split(',')
    .map((path) => path.trim())
    .filter((path) => path !== '')
    .map((path) => resolve(findRoot(), path));
