/** One failed assertion, with the names of its tests. */
export interface Failure {
  path: string[];
  diag: unknown;
}

interface Assertion {
  ok: boolean;
  todo?: unknown;
  skip?: unknown;
  name: string;
  diag?: unknown;
}

interface TapParser {
  name?: string;
  on(event: 'assert', listener: (assertion: Assertion) => void): unknown;
  on(event: 'child', listener: (child: TapParser) => void): unknown;
}

/** Collects the innermost failed assertions while the parser runs. */
export function collectFailures(parser: unknown, failures: Failure[] = [], path: string[] = []): Failure[] {
  const source = parser as TapParser;
  const inner = new Set<string>();
  source.on('child', (child) => {
    const name = child.name ?? '';
    inner.add(name);
    collectFailures(child, failures, [...path, name]);
  });
  source.on('assert', ({ ok, todo, skip, name, diag }) => {
    const seen = failures.some((failure) => inner.has(name) && failure.path.includes(name));
    if (!ok && !todo && !skip && !seen) failures.push({ path: [...path, name], diag });
  });
  return failures;
}

export function describeFailure({ path, diag }: Failure): string {
  const { diff, at, stack, message, found, wanted } = (diag ?? {}) as Record<string, unknown>;
  const place = at as { fileName?: string; lineNumber?: number } | undefined;
  const details = [
    place?.fileName === undefined ? undefined : `at ${place.fileName}:${place.lineNumber}`,
    message,
    diff ??
      (found === undefined && wanted === undefined
        ? undefined
        : `found ${show(found)}, wanted ${show(wanted)}`),
    diff === undefined ? stack : undefined,
  ].filter((text) => typeof text === 'string' && text !== '');
  return [
    `    ✗ ${path.join(' › ')}`,
    ...details.flatMap((text) =>
      String(text)
        .trimEnd()
        .split('\n')
        .map((line) => `        ${line}`),
    ),
  ].join('\n');
}

const show = (value: unknown) => JSON.stringify(value) ?? String(value);
