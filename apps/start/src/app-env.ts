import { type AppName, type Secrets, secretNames, secretNamesOf } from '@semel/config';

/** Secrets of the worker alone. */
const workerSecrets = ['DOCUSIGN_PRIVATE_KEY'];

/** How libpq and node-pg read a login beside DATABASE_URL. */
const ownerLogin = ['PGUSER', 'PGPASSWORD', 'PGPASSFILE', 'PGSERVICE', 'PGSERVICEFILE'];

/** The environment of one app: `env` and the stored secrets, without the owner's login and other apps' secrets. */
export function createAppEnv(app: AppName, env: NodeJS.ProcessEnv, stored: Secrets): NodeJS.ProcessEnv {
  const withheld = new Set<string>([
    ...secretNames,
    ...ownerLogin,
    ...(app === 'worker' ? [] : workerSecrets),
  ]);
  const own = Object.fromEntries(secretNamesOf(app).map((name) => [name, env[name] || stored[name]]));
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => !withheld.has(name))),
    ...own,
    DATABASE_URL: withoutLogin(own.DATABASE_URL as string),
  };
}

function withoutLogin(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.username = '';
  url.password = '';
  for (const name of ['user', 'password', 'passfile']) url.searchParams.delete(name);
  return url.href;
}
