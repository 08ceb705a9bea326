/**
 * Strips scheme and authority from a request target and leaves `/path?query` unchanged. A proxy may send the whole URL
 * (`POST http://host/path`), but the router knows only paths, and Square and Twilio sign the configured base URL plus the
 * path: with a host in the path, their signatures would not match.
 */
export function originForm(target: string): string {
  const authority = /^https?:\/\/[^/?#]*/i.exec(target);
  if (authority === null) return target;
  const rest = target.slice(authority[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}
