/** Scripts rely on these; `semel --help` documents them. */
export const exitCodes = { failed: 1, usage: 2, interrupted: 130 } as const;

export interface CliErrorOptions {
  /** What to do next, without a full stop. */
  advice?: string;
  /** Default 1. */
  exitCode?: number;
  cause?: unknown;
}

/** A command failed. `code` is stable; the message says what is wrong. */
export class CliError extends Error {
  readonly code: string;
  readonly advice: string | null;
  readonly exitCode: number;
  constructor(code: string, message: string, { advice, exitCode, cause }: CliErrorOptions = {}) {
    super(message, { cause });
    this.name = 'CliError';
    this.code = code;
    this.advice = advice ?? null;
    this.exitCode = exitCode ?? exitCodes.failed;
  }
}

/** The command line is wrong; nothing was changed. */
export const usageError = (message: string, advice?: string): CliError =>
  new CliError('usage_invalid', message, {
    exitCode: exitCodes.usage,
    ...(advice === undefined ? {} : { advice }),
  });
