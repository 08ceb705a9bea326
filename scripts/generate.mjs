// Generates the Prisma client into packages/database/src/generated, without a network; does nothing if the client is up to
// date.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const generated = path.join(root, 'packages/database/src/generated');
const stampFile = path.join(generated, '.stamp');
const prismaPackage = createRequire(import.meta.url).resolve('prisma/package.json');

/** Runs one command of the Prisma CLI, silently unless it fails. Returns true if it succeeded. */
export function prisma(...args) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(path.dirname(prismaPackage), 'build/index.js'), ...args],
    {
      cwd: root,
      encoding: 'utf8',
      env: {
        ...process.env,
        // Every command first looks for this binary and would download it; `validate`, `format` and `generate` never run it.
        PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
        PRISMA_HIDE_UPDATE_MESSAGE: '1',
        CHECKPOINT_DISABLE: '1',
      },
    },
  );
  if (status !== 0) process.stderr.write(`prisma ${args.join(' ')} failed\n${stdout}${stderr}`);
  return status === 0;
}

/** Returns true if the client exists and matches the schema. */
export function generate() {
  const stamp = stampOfInputs();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return true;
  if (!prisma('generate')) return false;
  writeFileSync(stampFile, stamp);
  return true;
}

function stampOfInputs() {
  const schema = path.join(root, 'prisma/schema');
  const inputs = [
    ...readdirSync(schema)
      .sort()
      .map((name) => path.join(schema, name)),
    path.join(root, 'prisma.config.ts'),
    prismaPackage,
  ];
  const hash = createHash('sha256');
  for (const file of inputs)
    hash
      .update(`${path.basename(file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.digest('hex');
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = generate() ? 0 : 1;
