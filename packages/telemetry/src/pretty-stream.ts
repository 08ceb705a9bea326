import { createRequire } from 'node:module';
import type { DestinationStream } from 'pino';

/**
 * Turns each JSON line into text for people, and writes that to `out`. null where pino-pretty is not installed: the
 * images have no terminal, and leave it out.
 */
export function prettyStream(out: DestinationStream): DestinationStream | null {
  const pretty = loadPretty();
  if (pretty === null) return null;
  // Not the stream that the package makes: its lines wait in memory, and are lost with a process that is killed.
  const prettify = pretty.prettyFactory({
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: '{app} {msg}',
    ignore: 'app,pid',
    singleLine: true,
    errorLikeObjectKeys: ['err', 'error'],
  });
  return { write: (line) => out.write(prettify(withoutControls(line))) };
}

function loadPretty(): typeof import('pino-pretty') | null {
  const require = createRequire(import.meta.url);
  try {
    return require('pino-pretty');
  } catch {
    return null;
  }
}

/** JSON leaves these characters as they are, and a terminal may take them for commands. */
const withoutControls = (line: string): string =>
  line.replace(/[\u007f-\u009f]/g, (control) => `\\\\u00${control.charCodeAt(0).toString(16)}`);
