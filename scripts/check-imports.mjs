// Checks the shape of the sources: no import circle (among files, or among the folders of packages/database), no file that is
// too long or exports too much, and no Prisma behind the entry point of packages/database that every app uses. Exceptions are
// listed below, with their reasons. `--report` also prints the figures of the sources.
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';
import { gitFiles, read } from './bootstrap.mjs';

const mostLines = 300;
const mostExports = 15;

/** Files that may be longer or export more, and why. An index file counts every name that it passes on. */
const reasons = {
  'packages/config/src/variables.ts': 'one list: every variable of every app',
  'packages/providers/src/stripe/sample-objects.ts': 'data: objects as Stripe sends them',
  'packages/telemetry/src/catalogue.ts': 'one list: every metric',
  'packages/core/src/ports.ts': 'declarations only: what the two main paths need from outside',
  'packages/config/src/index.ts':
    'entry point: loading, data folder, secrets, and what the docs are generated from',
  'packages/core/src/index.ts': 'entry point: the vocabulary that every package shares',
  'packages/database/src/index.ts': 'entry point: five apps and tools call it, each for its own tables',
  'packages/database/src/admin/index.ts': 'entry point: one function, and the types of all it returns',
  'packages/handlers/src/index.ts': 'entry point: the types of everything that a handler may see',
  'packages/queue/src/index.ts': 'entry point: three kinds of queues, each with producer and consumer',
  'packages/telemetry/src/index.ts': 'entry point: logger, health and metrics, with the names of the labels',
};

const files = gitFiles('packages/*/src/**', 'apps/*/src/**', 'packages/*/src/*', 'apps/*/src/*').filter(
  (file) => file.endsWith('.ts') && !file.includes('/generated/'),
);
const problems = [];
/** File → the files that it imports when the program runs. */
const graph = new Map();

for (const file of new Set(files)) {
  const lines = linesOf(file);
  if (lines > mostLines && !(file in reasons))
    problems.push(`${file}  has ${lines} lines, more than ${mostLines}`);
  const names = exportsOf(file).size;
  if (names > mostExports && !(file in reasons))
    problems.push(`${file}  exports ${names} names, more than ${mostExports}`);
  graph.set(file, importsOf(file));
}
const units = unitsOf('packages/database/src/');
for (const circle of [...circles(graph), ...circles(units)])
  problems.push(`an import circle: ${circle.join(' → ')}`);
const reached = reachedFrom('packages/database/src/index.ts');
for (const file of reached)
  if (/\/(admin|generated)\//.test(file))
    problems.push(`packages/database/src/index.ts  reaches ${file}, which loads Prisma`);

for (const problem of problems.sort()) console.error(problem);
console.log(
  problems.length === 0 ? 'The sources are in shape.' : `${problems.length} files are out of shape.`,
);
if (process.argv.includes('--report') && problems.length === 0) report();
process.exitCode = problems.length === 0 ? 0 : 1;

/** The figures that the documentation quotes. */
function report() {
  const lines = [...graph.keys()].map(linesOf).sort((a, b) => a - b);
  const at = (share) => lines[Math.ceil(share * lines.length) - 1];
  const total = lines.reduce((sum, count) => sum + count, 0);
  console.log(
    `Sources: ${lines.length} files, ${total} lines; median ${at(0.5)} lines per file, 90th percentile ${at(0.9)}, longest ${at(1)}.`,
  );
  console.log(`packages/database: ${units.size} units on ${longestPath(units)} levels.`);
}

/** Unit → the units that it imports. A unit is a folder or a file directly in `src`. */
function unitsOf(src) {
  const unitOf = (file) => file.slice(src.length).split('/')[0];
  const units = new Map();
  for (const [file, targets] of graph) {
    if (!file.startsWith(src)) continue;
    const imported = units.get(unitOf(file)) ?? new Set();
    units.set(unitOf(file), imported);
    for (const target of targets)
      if (graph.has(target) && unitOf(target) !== unitOf(file)) imported.add(unitOf(target));
  }
  return units;
}

/** The number of units on the longest path of imports; there are no circles. */
function longestPath(units) {
  const from = (unit) => 1 + Math.max(0, ...[...units.get(unit)].map(from));
  return Math.max(...[...units.keys()].map(from));
}

function linesOf(file) {
  return read(file).split('\n').length - 1;
}

function sourceOf(file) {
  return ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
}

/** Every name that a file exports, with those that it passes on from other files. */
function exportsOf(file) {
  const names = new Set();
  for (const node of sourceOf(file).statements) {
    if (ts.isExportDeclaration(node)) {
      if (node.exportClause === undefined)
        for (const name of exportsOf(targetOf(file, node))) names.add(name);
      else for (const { name } of node.exportClause.elements ?? [node.exportClause]) names.add(name.text);
    } else if (node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) {
      const declared = ts.isVariableStatement(node) ? node.declarationList.declarations : [node];
      for (const { name } of declared) names.add(name?.getText() ?? 'default');
    }
  }
  return names;
}

/** Imports of types do not count: they do not exist when the program runs, so two files may import each other's. */
function importsOf(file) {
  const found = [];
  for (const node of sourceOf(file).statements) {
    const isImport = ts.isImportDeclaration(node) || ts.isExportDeclaration(node);
    if (!isImport || node.moduleSpecifier === undefined) continue;
    const clause = ts.isImportDeclaration(node) ? node.importClause : node;
    if (clause?.isTypeOnly || hasTypesAlone(clause)) continue;
    if (!node.moduleSpecifier.text.startsWith('.')) continue;
    const target = targetOf(file, node);
    if (existsSync(target)) found.push(target);
  }
  return found;
}

/** The source file that a relative import names. */
function targetOf(file, node) {
  return posix.join(posix.dirname(file), node.moduleSpecifier.text).replace(/\.js$/, '.ts');
}

function hasTypesAlone(clause) {
  const named = clause?.namedBindings ?? clause?.exportClause;
  return (
    named?.elements !== undefined &&
    clause.name === undefined &&
    named.elements.length > 0 &&
    named.elements.every(({ isTypeOnly }) => isTypeOnly)
  );
}

function circles(graph) {
  const found = [];
  const done = new Set();
  const visit = (file, path) => {
    const at = path.indexOf(file);
    if (at !== -1) return void found.push([...path.slice(at), file]);
    if (done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

function reachedFrom(start) {
  const reached = new Set();
  const visit = (file) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const target of graph.get(file) ?? []) visit(target);
  };
  visit(start);
  return reached;
}
