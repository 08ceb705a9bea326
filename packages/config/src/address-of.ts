/** Hosts, ports and path of an address: never the password, nor the options, which may hold one. */
export const addressOf = (url: string): string =>
  /^[\w+]+:\/\/(?:[^?#]*@)?([^@?#]+?)\/?(?:[?#].*)?$/.exec(url)?.[1] ?? 'its address';
