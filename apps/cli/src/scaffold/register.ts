/** The text of registry.ts with a new provider: its import, and its name at the end of the list. */
export function register(registry: string, name: string): string {
  const lines = registry.split('\n');
  const isImport = (line: string) => /^import \{ \w+ \} from '\.\/\w+\/index\.js';$/.test(line);
  const own = `import { ${name} } from './${name}/index.js';`;
  const after = lines.findIndex((line) => isImport(line) && line > own);
  const at = after === -1 ? lines.findLastIndex(isImport) + 1 : after;
  return lines
    .toSpliced(at, 0, own)
    .join('\n')
    .replace(/(providers: readonly Provider\[\] = \[[^\]]*?),?\s*\];/, `$1, ${name}];`);
}
