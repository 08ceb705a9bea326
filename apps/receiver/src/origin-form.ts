/**
 * A request target without scheme and authority: `/path?query`, as it was written. A proxy may send the whole address
 * (`POST http://host/path`). Square and Twilio sign an address that is configured, never the one in the request, and
 * the router knows paths alone: with the rest, no such delivery would be authentic.
 */
export function originForm(target: string): string {
  const authority = /^https?:\/\/[^/?#]*/i.exec(target);
  if (authority === null) return target;
  const rest = target.slice(authority[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}
