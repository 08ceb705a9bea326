export interface Cause {
  /** The innermost code: an SQLSTATE, or the socket's (`ECONNREFUSED`); '' if there is none. */
  code: string;
  /** The first line of the innermost message. */
  text: string;
}

/** Why a store can't be used: the cause inside the errors of Prisma, node-pg and ioredis. */
export function causeOf(error: unknown): Cause {
  const found: Cause = { code: '', text: '' };
  for (let at = error as Wrapped | undefined; at instanceof Error; at = at.cause as Wrapped | undefined) {
    const inner = [at.meta?.driverAdapterError?.cause?.originalCode, at.errors?.[0]?.code, at.code];
    const code = inner.find((candidate) => typeof candidate === 'string' && isSpecific(candidate));
    if (code !== undefined) found.code = code as string;
    const text = at.message.split('\n').find((line) => line.trim() !== '');
    if (text !== undefined) found.text = text.trim();
  }
  return found;
}

/** False for Prisma's own codes (`P1001`), which say less than the error inside them. */
const isSpecific = (code: string) => /^[A-Z0-9_]{5,}$/.test(code) && !/^P\d{4}$/.test(code);

interface Wrapped extends Error {
  code?: unknown;
  errors?: readonly { code?: unknown }[];
  meta?: { driverAdapterError?: { cause?: { originalCode?: unknown } } };
}
