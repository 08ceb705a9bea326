import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { openBoundedOutput } from './bounded-output.js';
import { describeError } from './describe-error.js';
import type { LogFormat } from './log-format.js';
import { prettyStream } from './pretty-stream.js';
import { redact, scrubLine } from './redact.js';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** The process that writes: `receiver`, `worker`, `console`, `start`, `cli`. */
  app: string;
  /** Default `info`. */
  level?: string;
  /** Default `json`. */
  format?: LogFormat;
  /** Default: standard output. */
  stream?: DestinationStream;
}

/**
 * Writes one line per record to standard output, as JSON or as text. Secrets, signatures, bodies and personal data are redacted
 * by field name. Phone numbers and URL passwords are also redacted inside texts; other free text is not searched.
 */
export function createLogger({ app, level = 'info', format = 'json', stream }: LoggerOptions): Logger {
  const out = stream ?? openBoundedOutput((count) => logger.warn({ count }, 'log.dropped'));
  const pretty = format === 'pretty' ? prettyStream(out) : null;
  const logger: Logger = pino(
    {
      level,
      base: { app, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        // pino's own `redact` took a fifth of the receiver's time under many duplicates, with this many paths.
        log: (fields) => redact(fields, described),
      },
      serializers,
      hooks: { streamWrite: scrubLine },
    },
    pretty ?? out,
  );
  // pino does not format the fields of a child logger.
  const { child } = logger;
  logger.child = function (fields, ...options) {
    return child.call(this, redact(fields, described), ...options) as never;
  };
  if (format === 'pretty' && pretty === null)
    logger.warn(
      { reason: 'LOG_FORMAT=pretty needs the package pino-pretty, which is not installed here' },
      'log.fellBackToJson',
    );
  return logger;
}

interface RequestLike {
  id?: unknown;
  method?: string;
  url?: string;
}

const describeRequest = ({ id, method, url }: RequestLike) => ({ id, method, path: url?.split('?')[0] });
const describeReply = ({ statusCode }: { statusCode?: number }) => ({ statusCode });

const serializers = { err: describeError, error: describeError, req: describeRequest, res: describeReply };
const described = new Set(Object.keys(serializers));
