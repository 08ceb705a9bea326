import type { SignedRequest } from '@semel/core';

/**
 * Twilio may sign a query in another spelling than it sends: unescaped, or in another order. Twilio adds `bodySHA256` itself,
 * which is not affected.
 */
export function signatureHint({ url }: Pick<SignedRequest, 'url'>): string | null {
  const [, query = ''] = /\?(.*)/s.exec(url) ?? [];
  const isGiven = query.split('&').some((part) => part !== '' && !part.startsWith('bodySHA256='));
  return isGiven ? queryHint : null;
}

const queryHint =
  'The URL has a query, and Twilio may sign it in another spelling than it sends: register the URL without a query, or with its names sorted and without @ and : in it';
