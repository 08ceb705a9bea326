// Writes .env.example and the tables of docs/configuration.md and docs/metrics.md from what the code declares. With
// --check it writes nothing, and fails where one of them is stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tsImport } from 'tsx/esm/api';
import { root } from './bootstrap.mjs';

const load = (file) => tsImport(join(root, file), import.meta.url);
const { renderConfigTable, renderEnvExample } = await load('packages/config/src/render.ts');
const { renderMetricTable } = await load('packages/telemetry/src/catalogue.ts');

const intro = {
  'docs/configuration.md':
    '# Configuration\n\nEvery variable is read once, when a process starts, and checked as a whole: a wrong or missing one is named, with what is\nexpected. What `npm start` generates is kept in `$SEMEL_DATA_DIR/secrets.env`, and read from there where the variable is unset.\n',
  'docs/metrics.md':
    '# Metrics\n\nEach app shows them at `GET /metrics`. Every series of a known provider starts at 0, so that a missing one means a missing app.\n',
};

const wanted = {
  '.env.example': renderEnvExample(),
  'docs/configuration.md': between('docs/configuration.md', 'config', renderConfigTable()),
  'docs/metrics.md': between('docs/metrics.md', 'metrics', renderMetricTable()),
};

const stale = Object.keys(wanted).filter((file) => current(file) !== wanted[file]);
if (process.argv.includes('--check')) {
  for (const file of stale) console.error(`${file} is stale: run \`node scripts/generate-docs.mjs\``);
  process.exit(stale.length === 0 ? 0 : 1);
}
for (const file of stale) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), wanted[file]);
  console.log(`wrote ${file}`);
}

/** The file with the text between its two markers replaced; the markers are added where they are missing. */
function between(file, name, text) {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const now = current(file) || intro[file];
  const block = `${begin}\n\n${align(text)}\n\n${end}`;
  const from = now.indexOf(begin);
  const to = now.indexOf(end);
  return from < 0 || to < from
    ? `${now.trimEnd()}\n\n${block}\n`
    : now.slice(0, from) + block + now.slice(to + end.length);
}

/** Columns of equal width, as the formatter would make them. */
function align(table) {
  const rows = table.split('\n').map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const widths = rows[0].map((_, column) =>
    Math.max(...rows.map((row) => (/^-+$/.test(row[column]) ? 3 : row[column].length))),
  );
  const pad = (cell, width) => (/^-+$/.test(cell) ? '-'.repeat(width) : cell.padEnd(width));
  return rows
    .map((row) => `| ${row.map((cell, column) => pad(cell, widths[column])).join(' | ')} |`)
    .join('\n');
}

function current(file) {
  return existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '';
}
