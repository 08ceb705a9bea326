/** The hosts, ports and path of a URL. The password and the query, which may hold one, are left out. */
export const addressOf = (url: string): string =>
  /^[\w+]+:\/\/(?:[^?#]*@)?([^@?#]+?)\/?(?:[?#].*)?$/.exec(url)?.[1] ?? 'its address';
