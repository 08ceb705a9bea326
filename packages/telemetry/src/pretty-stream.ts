import { createRequire } from 'node:module';
import type { DestinationStream } from 'pino';

/** Writes each JSON line to `out` as text. null if pino-pretty is not installed, as in the images. */
export function prettyStream(out: DestinationStream): DestinationStream | null {
  const pretty = loadPretty();
  if (pretty === null) return null;
  // The package's own stream buffers lines, which are lost when the process is killed.
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

/** JSON does not escape these characters; a terminal may interpret them. */
const withoutControls = (line: string): string =>
  line.replace(/[\u007f-\u009f]/g, (control) => `\\\\u00${control.charCodeAt(0).toString(16)}`);
