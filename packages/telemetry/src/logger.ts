import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { redactPaths, scrubLine } from './redact.js';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** The process that writes: `receiver`, `worker`, `console`, `start`, `cli`. */
  app: string;
  /** Default `info`. */
  level?: string;
  /** Default: standard output. */
  stream?: DestinationStream;
}

/**
 * JSON, one line per record, on standard output. Secrets, signatures, bodies and personal data are redacted by
 * the name of their field, phone numbers and URL passwords also inside texts; free text beyond that is not searched.
 */
export function createLogger({ app, level = 'info', stream }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: { app, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactPaths, censor: '[redacted]' },
      serializers: { err: describeError, error: describeError, req: describeRequest, res: describeReply },
      hooks: { streamWrite: scrubLine },
    },
    // Written at once: a line that waits in memory is lost with a process that is killed.
    stream ?? destination({ fd: 1, sync: true }),
  );
}

interface Described {
  type: string;
  message: string;
  code?: unknown;
  stack?: string | undefined;
  cause?: Described;
}

/** Only what names the error: a database error's `detail` quotes the row, a client's `config` its credentials. */
export function describeError(error: unknown, depth = 0): Described {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { code } = error as NodeJS.ErrnoException;
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
    ...(error.cause === undefined || depth > 3 ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}

interface RequestLike {
  id?: unknown;
  method?: string;
  url?: string;
}

const describeRequest = ({ id, method, url }: RequestLike) => ({ id, method, path: url?.split('?')[0] });
const describeReply = ({ statusCode }: { statusCode?: number }) => ({ statusCode });
