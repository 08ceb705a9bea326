export interface Cause {
  /** The innermost: an SQLSTATE, or the socket's (`ECONNREFUSED`); '' where there is none. */
  code: string;
  /** The innermost message's first line. */
  text: string;
}

/** Why a store can't be used, from under the wrappings of Prisma, node-pg and ioredis. */
export function causeOf(error: unknown): Cause {
  const found: Cause = { code: '', text: '' };
  for (let at = error as Wrapped | undefined; at instanceof Error; at = at.cause as Wrapped | undefined) {
    const inner = [at.meta?.driverAdapterError?.cause?.originalCode, at.errors?.[0]?.code, at.code];
    const code = inner.find((candidate) => typeof candidate === 'string' && isTelling(candidate));
    if (code !== undefined) found.code = code as string;
    const text = at.message.split('\n').find((line) => line.trim() !== '');
    if (text !== undefined) found.text = text.trim();
  }
  return found;
}

/** Prisma's own codes (`P1001`) tell less than what is inside them, and ours only that a store is away. */
const isTelling = (code: string) => /^[A-Z0-9_]{5,}$/.test(code) && !/^P\d{4}$/.test(code);

interface Wrapped extends Error {
  code?: unknown;
  errors?: readonly { code?: unknown }[];
  meta?: { driverAdapterError?: { cause?: { originalCode?: unknown } } };
}
