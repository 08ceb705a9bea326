// Writes .env.example and the tables of docs/cli.md, docs/configuration.md, docs/limits.md, docs/metrics.md,
// docs/providers/types.md and the crash matrix of docs/reliability.md from code and tests. With --check it writes nothing, and fails if one of them is stale.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tsImport } from 'tsx/esm/api';
import { root } from './bootstrap.mjs';

// The packages are loaded from source, so nothing has to be built.
const asSource = '--conditions=@semel/source';
if (!process.execArgv.includes(asSource)) {
  const { status } = spawnSync(process.execPath, [asSource, ...process.argv.slice(1)], { stdio: 'inherit' });
  process.exit(status ?? 1);
}

const load = (file) => tsImport(join(root, file), import.meta.url);
const { renderConfigTable, renderEnvExample } = await load('packages/config/src/render.ts');
const { renderMetricTable } = await load('packages/telemetry/src/catalogue.ts');
const { providerNames, providers } = await load('packages/providers/src/registry.ts');
const { renderTypeTable } = await load('packages/providers/src/type-table.ts');
const { buildProgram } = await load('apps/cli/src/program.ts');
const { limitSections } = await load('scripts/limits.mjs');
const { rows: matrix } = await load('test/faults/matrix/rows.ts');

const intro = {
  'docs/providers/types.md':
    '# Event types\n\nEvery authentic event is recorded in the ledger, whatever its type is. These are the types that `semel send` has a sample\nof, and what the rule of their provider makes of it. A type that is not here, and that no rule knows, is recorded as\n`ignored`, with the reason `type_not_handled`: it is there to be looked at.\n',
  'docs/configuration.md':
    '# Configuration\n\nEvery variable is read once, when a process starts, and checked as a whole: a wrong or missing one is named, with what is\nexpected. What `npm start` generates is kept in `$SEMEL_DATA_DIR/secrets.env`, and read from there where the variable is unset.\n',
  'docs/limits.md':
    '# Limits\n\nThe limits of each step, with their defaults, and what happens beyond them.\n',
  'docs/metrics.md':
    '# Metrics\n\nEach app shows them at `GET /metrics`. Every series of a known provider starts at 0, so that a missing one means a missing app.\n',
};

const wanted = {
  '.env.example': renderEnvExample(providerNames),
  'docs/cli.md': between('docs/cli.md', 'commands', renderCommandTable(buildProgram({ json: false }))),
  'docs/configuration.md': between('docs/configuration.md', 'config', renderConfigTable(providerNames)),
  'docs/limits.md': limitSections.reduce(
    (text, { name, title, table }) => section(text, name, title, table),
    current('docs/limits.md') || intro['docs/limits.md'],
  ),
  'docs/metrics.md': between('docs/metrics.md', 'metrics', renderMetricTable()),
  'docs/reliability.md': between('docs/reliability.md', 'matrix', renderMatrix()),
  'docs/providers/types.md': providers.reduce(
    (text, provider) => section(text, provider.name, provider.title, renderTypeTable(provider)),
    current('docs/providers/types.md') || intro['docs/providers/types.md'],
  ),
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

/** One row per command that can be run, with its arguments, what it does, and its options. */
function renderCommandTable(program) {
  const rowsOf = (command, path) =>
    command.commands.length > 0
      ? command.commands.flatMap((child) => rowsOf(child, `${path} ${child.name()}`))
      : [[command, [path, ...command.registeredArguments.map(argumentText)].join(' ')]];
  const argumentText = (argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`);
  const escapeBars = (text) => text.replaceAll('|', '\\|');
  const lines = rowsOf(program, 'semel').map(([command, usage]) => {
    const options = command.options.map(({ long }) => `\`${long}\``).join(', ');
    return `| \`${escapeBars(usage)}\` | ${escapeBars(command.description())} | ${options} |`;
  });
  return ['| Command | What it does | Options |', '| --- | --- | --- |', ...lines].join('\n');
}

/** Each row with the files whose tests begin with its number. Throws if there is none. */
function renderMatrix() {
  const folder = 'test/faults/matrix';
  const tests = readdirSync(join(root, folder))
    .filter((file) => file.endsWith('.test.ts'))
    .sort()
    .map((file) => ({ file, names: current(`${folder}/${file}`).matchAll(/['"`](\d+)\. [a-zA-Z0-9]/g) }))
    .map(({ file, names }) => ({ file, numbers: new Set([...names].map(([, number]) => Number(number))) }));
  const lines = matrix.map(({ fault, holds }, i) => {
    const files = tests.filter(({ numbers }) => numbers.has(i + 1)).map(({ file }) => file);
    if (files.length === 0) throw new Error(`no test in ${folder} has a name that begins with "${i + 1}. "`);
    const links = files.map((file) => `[${file.replace('.test.ts', '')}](../${folder}/${file})`);
    return `| ${i + 1} | ${fault} | ${holds} | ${links.join(', ')} |`;
  });
  return ['| # | What is done | What must hold | Test |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

/** The text with one provider's table under its heading. */
function section(text, name, title, table) {
  return text.includes(`<!-- ${name}:begin -->`)
    ? replaced(text, name, table)
    : replaced(`${text.trimEnd()}\n\n## ${title}\n`, name, table);
}

/** The file with the text between its two markers replaced; missing markers are added. */
function between(file, name, text) {
  return replaced(current(file) || intro[file], name, text);
}

function replaced(now, name, text) {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const block = `${begin}\n\n${align(text)}\n\n${end}`;
  const from = now.indexOf(begin);
  const to = now.indexOf(end);
  return from < 0 || to < from
    ? `${now.trimEnd()}\n\n${block}\n`
    : now.slice(0, from) + block + now.slice(to + end.length);
}

/** Pads the columns to equal width, as the formatter does. */
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
