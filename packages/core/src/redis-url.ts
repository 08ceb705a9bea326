/** The parts of a `REDIS_URL`. */
export interface RedisAddress {
  kind: 'single' | 'sentinel' | 'cluster';
  tls: boolean;
  /** Servers, Sentinels or nodes of the cluster. Some of them are enough: the client discovers the others. */
  hosts: readonly { host: string; port: number }[];
  /** The login of the servers. */
  username: string | undefined;
  password: string | undefined;
  /** The Sentinels' name of the master; '' without Sentinels. */
  masterName: string;
  db: number;
  /** The login of the Sentinels, if they need one. */
  sentinel: { username: string | undefined; password: string | undefined };
}

const form =
  /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const hostAndPort = /^(\[[0-9a-f:.]+\]|[^:[\],\s]+)(?::(\d{1,5}))?$/i;

/**
 * Reads `redis://`, `redis+sentinel://[user:password@]host:port,…/master[/db]` and `redis+cluster://host:port,…`, each with
 * `rediss` for TLS. Returns null for anything else. `URL` can't parse a list of hosts.
 */
export function parseRedisUrl(text: string): RedisAddress | null {
  const [, scheme, mode, login = '', list = '', path = '', query = ''] = form.exec(text) ?? [];
  if (scheme === undefined) return null;
  const kind = mode === 'sentinel' || mode === 'cluster' ? mode : 'single';
  const hosts = list.split(',').map((item) => {
    const [, host = '', port] = hostAndPort.exec(item) ?? [];
    return {
      host: host.replace(/^\[|\]$/g, ''),
      port: Number(port ?? (kind === 'sentinel' ? 26_379 : 6379)),
    };
  });
  if (hosts.some(({ host, port }) => host === '' || port < 1 || port > 65_535)) return null;
  if (kind === 'single' && hosts.length > 1) return null;

  const [masterName = '', db = '', ...rest] =
    kind === 'sentinel' ? path.split('/') : ['', ...path.split('/')];
  if (rest.some(Boolean) || !/^\d*$/.test(db)) return null;
  if ((kind === 'sentinel') !== (masterName !== '')) return null;
  if (kind === 'cluster' && Number(db) !== 0) return null; // a cluster has only database 0

  const colon = login.indexOf(':');
  const options = new URLSearchParams(query);
  try {
    return {
      kind,
      tls: scheme === 'rediss',
      hosts,
      username: word(colon < 0 ? login : login.slice(0, colon)),
      password: word(colon < 0 ? '' : login.slice(colon + 1)),
      masterName: decodeURIComponent(masterName),
      db: Number(db),
      sentinel: {
        username: options.get('sentinel_username') ?? undefined,
        password: options.get('sentinel_password') ?? undefined,
      },
    };
  } catch {
    return null; // an invalid percent escape
  }
}

const word = (text: string): string | undefined => decodeURIComponent(text) || undefined;
