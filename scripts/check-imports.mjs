// The shape of the sources: no import circle, no file that is too long, none that exports too much, and no Prisma behind the
// door of packages/database that every app uses. What may be otherwise stands below, with its reason.
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';
import { gitFiles, read } from './bootstrap.mjs';

const mostLines = 300;
const mostExports = 15;

/** Files that may be longer, or export more, and why. */
const reasons = {
  'packages/config/src/variables.ts': 'one list: every variable of every app',
  'packages/providers/src/stripe/sample-objects.ts': 'data: objects as Stripe sends them',
  'packages/telemetry/src/catalogue.ts': 'one list: every metric',
  'packages/core/src/ports.ts': 'declarations alone: what both paths need of the world',
};

const files = gitFiles('packages/*/src/**', 'apps/*/src/**', 'packages/*/src/*', 'apps/*/src/*').filter(
  (file) => file.endsWith('.ts') && !file.includes('/generated/'),
);
const problems = [];
/** File → the files that it imports when the program runs. */
const graph = new Map();

for (const file of new Set(files)) {
  const text = read(file);
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lines = text.split('\n').length - 1;
  if (lines > mostLines && !(file in reasons))
    problems.push(`${file}  has ${lines} lines, more than ${mostLines}`);
  const names = exportsOf(source);
  const isDoor = posix.basename(file) === 'index.ts';
  if (names > mostExports && !isDoor && !(file in reasons))
    problems.push(`${file}  exports ${names} names, more than ${mostExports}`);
  graph.set(file, importsOf(file, source));
}
for (const circle of circles()) problems.push(`an import circle: ${circle.join(' → ')}`);
const reached = reachedFrom('packages/database/src/index.ts');
for (const file of reached)
  if (/\/(admin|generated)\//.test(file))
    problems.push(`packages/database/src/index.ts  reaches ${file}, which loads Prisma`);

for (const problem of problems.sort()) console.error(problem);
console.log(
  problems.length === 0 ? 'The sources are in shape.' : `${problems.length} files are out of shape.`,
);
process.exitCode = problems.length === 0 ? 0 : 1;

function exportsOf(source) {
  let count = 0;
  for (const node of source.statements) {
    if (ts.isExportDeclaration(node)) count += node.exportClause?.elements?.length ?? 1;
    else if (node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) {
      count += ts.isVariableStatement(node) ? node.declarationList.declarations.length : 1;
    }
  }
  return count;
}

/** Types are gone when the program runs: two files may name each other's. */
function importsOf(file, source) {
  const found = [];
  for (const node of source.statements) {
    const isImport = ts.isImportDeclaration(node) || ts.isExportDeclaration(node);
    if (!isImport || node.moduleSpecifier === undefined) continue;
    const clause = ts.isImportDeclaration(node) ? node.importClause : node;
    if (clause?.isTypeOnly || hasTypesAlone(clause)) continue;
    const specifier = node.moduleSpecifier.text;
    if (!specifier.startsWith('.')) continue;
    const target = posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts');
    if (existsSync(target)) found.push(target);
  }
  return found;
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

function circles() {
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
