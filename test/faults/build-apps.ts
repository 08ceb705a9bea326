import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * Bundles receiver and worker: a fault run starts them hundreds of times, and from their sources each start takes seconds.
 * Returns the files to run. They lie as deep below the root as the sources of the packages do, which find the migrations by
 * a relative path.
 */
export async function buildApps(name = `apps-${process.pid}`) {
  const root = new URL('../../', import.meta.url);
  const dir = fileURLToPath(new URL(`.turbo/faults/${name}`, root));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const mainOf = (app: string) => fileURLToPath(new URL(`test/faults/${app}-main.ts`, root));
  await build({
    entryPoints: { receiver: mainOf('receiver'), worker: mainOf('worker') },
    outdir: dir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'linked',
    conditions: ['@semel/source'],
    // Packages in CommonJS find here what they ask of Node.
    banner: {
      js: [
        "import { createRequire as $createRequire } from 'node:module';",
        "import { dirname as $dirname } from 'node:path';",
        "import { fileURLToPath as $toPath } from 'node:url';",
        'const require = $createRequire(import.meta.url);',
        'const __filename = $toPath(import.meta.url);',
        'const __dirname = $dirname(__filename);',
      ].join(' '),
    },
    logLevel: 'error',
  });
  return { receiver: `${dir}/receiver.mjs`, worker: `${dir}/worker.mjs` };
}
