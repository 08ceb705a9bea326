import type { IncomingHttpHeaders } from 'node:http';

/**
 * False where a browser says that another site made the request. What says nothing passes: it is no browser, and so carries
 * no one's cookie. `Sec-Fetch-Site` first, since a proxy may have changed `Host`.
 */
export function isSameOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  if (headers.origin === undefined) return true;
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host;
}
