import type { IncomingHttpHeaders } from 'node:http';

/**
 * False if the browser's headers say that another site made the request. A request without such headers passes: it is not from
 * a browser, so it carries no user's cookie. `Sec-Fetch-Site` goes first, because a proxy may have changed `Host`.
 */
export function isSameOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  if (headers.origin === undefined) return true;
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host;
}
