import type { Headers } from '@semel/core';

export interface SignedHeaders {
  id: string;
  timestamp: string;
  signature: string;
}

/** The specification's prefix, then Svix's default. */
const prefixes = ['webhook', 'svix'];

/**
 * The first complete set of signed headers, or null. Sets are never mixed; if both are complete, `webhook-…` counts. The
 * verifier and `identify` must use the same set: otherwise an unsigned `webhook-id` next to a valid Svix set would give a
 * captured request a new event id.
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
