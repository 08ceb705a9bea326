import type { Headers } from '@semel/core';

export interface SignedHeaders {
  id: string;
  timestamp: string;
  signature: string;
}

/** The names of the specification, then those that Svix sends by default. */
const prefixes = ['webhook', 'svix'];

/**
 * The first complete set of signed headers; null where there is none. Headers of two sets are never mixed, and where both
 * sets are complete, only `webhook-…` counts. The verifier and `identify` both ask here: if they looked at different
 * sets, an unsigned `webhook-id` beside a valid set of Svix would give a captured request a new event id.
 */
export function signedHeadersOf(headers: Headers): SignedHeaders | null {
  for (const prefix of prefixes) {
    const id = headers[`${prefix}-id`];
    const timestamp = headers[`${prefix}-timestamp`];
    const signature = headers[`${prefix}-signature`];
    if (isFilled(id) && isFilled(timestamp) && isFilled(signature)) return { id, timestamp, signature };
  }
  return null;
}

const isFilled = (value: string | string[] | undefined): value is string =>
  typeof value === 'string' && value !== '';
