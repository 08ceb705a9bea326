import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { providerVariables, variables } from '@semel/config';
import { errorCatalogue } from '@semel/core';
import { providers } from '@semel/providers';
import { metricCatalogue } from '@semel/telemetry';
import t from 'tap';
import { buildProgram } from '../../apps/cli/src/program.js';

// Every name in the documentation is checked against the code.

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const pages = new Map(
  [
    ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
    ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join('docs', name)),
  ].map((file) => [file, parse(read(file))]),
);
const migrations = readdirSync(join(root, 'prisma/migrations'))
  .filter((name) => existsSync(join(root, 'prisma/migrations', name, 'migration.sql')))
  .map((name) => read(join('prisma/migrations', name, 'migration.sql')))
  .join('\n');

interface Page {
  headings: string[];
  /** Link targets outside of code. */
  links: string[];
  /** Files of this repository, outside of code. */
  images: { alt: string; path: string }[];
  /** Code spans, and the lines of fenced code, without pictures. */
  code: string[];
}

function parse(text: string): Page {
  const page: Page = { headings: [], links: [], images: [], code: [] };
  let fence: string | null = null;
  for (const line of text.split('\n')) {
    const mark = /^\s*```(\w*)/.exec(line);
    if (mark) {
      fence = fence === null ? (mark[1] ?? '') : null;
    } else if (fence !== null) {
      if (fence !== 'mermaid') page.code.push(line);
    } else {
      const heading = /^#{1,6} (.+)$/.exec(line)?.[1];
      if (heading !== undefined) page.headings.push(heading);
      for (const [, code = ''] of line.matchAll(/`([^`]+)`/g)) page.code.push(code);
      const prose = line.replaceAll(/`[^`]*`/g, '');
      for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) page.links.push(target);
      for (const [, alt = '', path = ''] of prose.matchAll(/!\[([^\]]*)\]\(([^)\s:]+)\)/g))
        page.images.push({ alt, path });
    }
  }
  return page;
}

/** Anchors as GitHub makes them; the second heading of the same text gets `-1`. */
function anchorsOf(headings: readonly string[]): Set<string> {
  const anchors = new Set<string>();
  for (const heading of headings) {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

const codeOf = function* (): Generator<[string, string]> {
  for (const [file, { code }] of pages) for (const line of code) yield [file, line];
};

t.test('every error code has a heading in docs/failure-modes.md', async (t) => {
  const headings = new Set(pages.get(join('docs', 'failure-modes.md'))?.headings);
  const union = (file: string, from: RegExp) => {
    const codes = [...(from.exec(read(file))?.[1] ?? '').matchAll(/'([a-z_]+)'/g)].map(([, code]) => code);
    t.ok(codes.length > 1, `${file} has codes`);
    return codes as string[];
  };
  const codes = [
    ...Object.keys(errorCatalogue),
    ...union('packages/database/src/admin/admin-error.ts', /type AdminErrorCode =([^;]+);/),
    ...union('packages/database/src/migrate/migration-error.ts', /readonly code: ([^;]+);/),
    ...union('packages/database/src/connection/roles.ts', /readonly code: ([^;]+);/),
  ];
  for (const code of codes) t.ok(headings.has(code), code);
});

t.test('no generated page is stale', async (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/generate-docs.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  t.equal(status, 0, stderr);
});

t.test('every link has a target', async (t) => {
  const anchors = new Map<string, Set<string>>();
  for (const [file, { headings }] of pages) anchors.set(file, anchorsOf(headings));
  for (const [file, { links }] of pages) {
    for (const link of links.filter((target) => !/^[a-z]+:/.test(target))) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? file : relative(root, resolve(root, dirname(file), path));
      t.ok(existsSync(join(root, target)), `${file}: ${link}`);
      if (anchor !== undefined) t.ok(anchors.get(target)?.has(anchor), `${file}: ${link} names a heading`);
    }
  }
});

t.test('every page is linked from another page', async (t) => {
  const linked = new Set(
    [...pages].flatMap(([file, { links }]) =>
      links.map((link) => relative(root, resolve(root, dirname(file), link.split('#')[0] ?? ''))),
    ),
  );
  for (const file of pages.keys()) if (file !== 'README.md') t.ok(linked.has(file), file);
});

t.test('every picture exists, and a page shows it', async (t) => {
  const folder = join('docs', 'images');
  const there = readdirSync(join(root, folder)).map((name) => join(folder, name));
  const shown = new Set<string>();
  for (const [file, { images }] of pages)
    for (const { alt, path } of images) {
      const image = relative(root, resolve(root, dirname(file), path));
      shown.add(image);
      t.ok(there.includes(image), `${file}: ${path}`);
      t.ok(alt.length > 20, `${file}: ${path} says what it shows`);
    }
  for (const image of there) t.ok(shown.has(image), image);
});

t.test('every documented semel command exists, with its options', async (t) => {
  const program = buildProgram({ json: false });
  const global = ['--json', '--help', '--version'];
  let seen = 0;
  for (const [file, line] of codeOf()) {
    const words = /(?:^|\s)semel (\S.*)$/
      .exec(line.replace(/\s#.*$/, ''))?.[1]
      ?.replace(/\s(?:<|\|).*$/, (rest) => (/^\s<[\w ]+>/.test(rest) ? rest : ''))
      .split(/\s+/);
    if (words === undefined) continue;
    seen++;
    let command = program;
    while (words[0] !== undefined) {
      const next = command.commands.find((candidate) => candidate.name() === words[0]);
      if (next === undefined) break;
      command = next;
      words.shift();
    }
    const named = command !== program || global.includes(words[0] ?? '');
    const whole = command.commands.length === 0 || (words[0] ?? '').startsWith('--');
    t.ok(named && whole, `${file}: ${line.trim()}`);
    for (const word of words.filter((candidate) => candidate.startsWith('--'))) {
      const option = word.replace(/[=,].*$/, '');
      const known = [...command.options.map(({ long }) => long), ...global];
      t.ok(known.includes(option), `${file}: ${line.trim()}: ${option}`);
    }
  }
  t.ok(seen > 20);
});

t.test('every documented npm script exists', async (t) => {
  const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);
  for (const [file, line] of codeOf()) {
    for (const [, name = ''] of line.matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g))
      t.ok(scripts.includes(name), `${file}: npm ${name}`);
    for (const [, script = ''] of line.matchAll(/\bnode (scripts\/[\w./-]+|apps\/[\w./-]+)/g))
      t.ok(
        existsSync(join(root, script.replace('/dist/', '/src/').replace(/^(apps.*)\.js$/, '$1.ts'))),
        script,
      );
  }
});

t.test('every documented metric is in the catalogue, and every table in the migrations', async (t) => {
  const metrics = new Set(
    Object.values(metricCatalogue).flatMap(({ name }) => [
      name,
      ...providers.map((provider) => name.replace('<provider>', provider.name)),
    ]),
  );
  for (const [file, line] of codeOf())
    for (const [name] of line.matchAll(/(?:<provider>|\b[a-z]+)_webhook_duplicate\b|(?<![\w-])webhook_\w+/g))
      t.ok(metrics.has(name) || new RegExp(`\\b${name}\\b`).test(migrations), `${file}: ${name}`);
  const all = [...codeOf()].map(([, line]) => line).join('\n');
  for (const { name } of Object.values(metricCatalogue)) t.ok(all.includes(name), `${name} is documented`);
});

t.test('every documented variable is read by Semel or its compose file', async (t) => {
  const composed = [...read('docker/compose.yaml').matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
  const names = new Set([
    ...[...variables, ...providers.flatMap(({ name }) => providerVariables(name))].map(({ name }) => name),
    ...composed,
  ]);
  for (const [file, line] of codeOf())
    for (const [name] of line.matchAll(/(?<![\w$…<-])[A-Z]+(?:_[A-Z]+)+(?![\w…-])/g))
      t.ok(names.has(name), `${file}: ${name}`);
});
