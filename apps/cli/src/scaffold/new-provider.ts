import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError } from '../cli-error.js';
import { ledgerFiles } from './ledger-files.js';
import { providerFiles, providerTest } from './provider-files.js';
import { register } from './register.js';

export interface NewProvider {
  /** The root folder of a clone of Semel. */
  root: string;
  name: string;
  /** The name for people. */
  title: string;
  now: Date;
}

const registryFile = 'packages/providers/src/registry.ts';

/** Writes a provider's folder, table, test and registry line. Returns the paths. An error is thrown before the first write. */
export function newProvider({ root, name, title, now }: NewProvider): string[] {
  if (!existsSync(join(root, registryFile)))
    throw new CliError('source_missing', `${root} is not a clone of Semel`, {
      advice: 'run the command in one',
    });
  const folder = `packages/providers/src/${name}`;
  if (existsSync(join(root, folder)) || existsSync(join(root, `prisma/schema/${name}.prisma`)))
    throw new CliError('provider_exists', `there is a provider "${name}" already`, {
      advice: `look into ${folder}`,
    });
  const files: Record<string, string> = {
    ...Object.fromEntries(
      Object.entries(providerFiles(name, title)).map(([file, text]) => [`${folder}/${file}`, text]),
    ),
    ...ledgerFiles(root, name, now),
    [`test/unit/providers/${name}.test.ts`]: providerTest(name, title),
    [registryFile]: register(readFileSync(join(root, registryFile), 'utf8'), name),
  };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return Object.keys(files);
}
