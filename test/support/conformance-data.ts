import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The providers' own examples and vectors: beside the repository, or not there at all. */
const folder = fileURLToPath(new URL('../../../shared/conformance', import.meta.url));
export const noConformanceData = existsSync(folder)
  ? false
  : 'the shared conformance data is not there; the vectors in this repository still run';

export const readShared = (...path: string[]): string => readFileSync(join(folder, ...path), 'utf8');

export const listShared = (...path: string[]): string[] =>
  readdirSync(join(folder, ...path), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
