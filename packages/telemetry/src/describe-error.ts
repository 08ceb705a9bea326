interface Described {
  type: string;
  message: string;
  code?: unknown;
  stack?: string | undefined;
  cause?: Described;
}

/** Only the fields that are safe to log. A database error's `detail` quotes the row; a client's `config` has credentials. */
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
