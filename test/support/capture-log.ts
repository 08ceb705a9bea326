import { stripVTControlCharacters } from 'node:util';
import { createLogger, type Logger } from '@semel/telemetry';

interface CapturedLog {
  logger: Logger;
  text(): string;
  /** Without colours. */
  lines(): string[];
  /** The last line, parsed. */
  last(): ReturnType<typeof JSON.parse>;
}

/** A logger with its output in memory. */
export function captureLog(options: { level?: string; format?: 'json' | 'pretty' } = {}): CapturedLog {
  let text = '';
  const logger = createLogger({
    app: 'receiver',
    stream: { write: (line: string) => (text += line) },
    ...options,
  });
  const lines = () => stripVTControlCharacters(text).trimEnd().split('\n');
  return { logger, text: () => text, lines, last: () => JSON.parse(lines().at(-1) ?? '') };
}
