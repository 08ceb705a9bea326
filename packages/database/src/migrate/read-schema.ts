import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { SchemaFiles } from './engine.js';

/** The `.prisma` files of a folder, in name order. */
export async function readSchema(dir: string): Promise<SchemaFiles> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.prisma')).sort();
  return Promise.all(
    names.map(async (name): Promise<SchemaFiles[number]> => {
      const file = path.join(dir, name);
      return [file, await readFile(file, 'utf8')];
    }),
  );
}
