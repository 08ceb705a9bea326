import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '@semel/config';
import { appRoles, connectionAs } from '@semel/database';
import { migrate } from '@semel/database/migrate';
import t from 'tap';
import { createAppEnv } from '../../apps/start/src/app-env.js';

const passwords = { receiver: 'of-the-receiver-1', worker: 'of-the-worker-12', console: 'of-the-console-1' };
const nowhere = 'postgres://owner:of-the-owner@127.0.0.1:1/semel';

t.test("a connection uses the URL's login only if it is the role's own", async (t) => {
  const login = (url: string, held = {}) => {
    const { user, password, host, port, database } = connectionAs(url, 'receiver', held);
    return { user, password, at: `${host}:${port}/${database}` };
  };
  const as = (password: string) => ({ user: 'semel_receiver', password, at: 'db:5432/semel' });
  t.strictSame(login('postgres://semel_receiver:in-the-url@db:5432/semel'), as('in-the-url'));
  t.strictSame(login('postgres://semel_receiver:in-the-url@db:5432/semel', passwords), as('in-the-url'));
  t.strictSame(login('postgres://semel_receiver@db:5432/semel', passwords), as(passwords.receiver));
  t.strictSame(login('postgres://db:5432/semel', passwords), as(passwords.receiver));
  t.strictSame(login('postgres://owner:of-the-owner@db:5432/semel', passwords), as(passwords.receiver));
  t.strictSame(login('postgres://semel_worker:w@db:5432/semel', passwords), as(passwords.receiver));
});

t.test("without the role's password, no other login is tried", async (t) => {
  const missing = {
    code: 'database_password_missing',
    message:
      'the password of semel_receiver is missing: set RECEIVER_DATABASE_PASSWORD, or name semel_receiver and its password in DATABASE_URL',
  };
  const { receiver: _, ...others } = passwords;
  for (const user of ['', 'owner:of-the-owner@', 'semel_worker:w@', 'semel_receiver@'])
    for (const held of [{}, others, { receiver: null }, { receiver: '' }])
      t.throws(() => connectionAs(`postgres://${user}db/semel`, 'receiver', held), missing);
});

t.test('an app without its password ends at its start, and says what to set', async (t) => {
  for (const role of appRoles) {
    const app = spawnSync(
      process.execPath,
      ['--import=tsx', '--conditions=@semel/source', `apps/${role}/src/main.ts`],
      {
        env: {
          PATH: process.env.PATH,
          SEMEL_DATA_DIR: t.testdirName,
          SEMEL_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64'),
          DATABASE_URL: nowhere,
          REDIS_URL: 'redis://127.0.0.1:1',
          CONSOLE_PASSWORD: 'of-the-user-admin',
        },
        encoding: 'utf8',
        timeout: 60_000,
      },
    );
    t.equal(app.status, 1);
    t.match(app.stderr, `set ${role.toUpperCase()}_DATABASE_PASSWORD`);
    t.match(app.stderr, /code: 'database_password_missing'/);
    t.notMatch(app.stderr, /of-the-owner/);
  }
});

t.test('migrations ask for every password, and for different ones, before they connect', async (t) => {
  for (const role of appRoles)
    await t.rejects(migrate({ databaseUrl: nowhere, passwords: { ...passwords, [role]: null } }), {
      code: 'database_password_missing',
      message: new RegExp(`${role.toUpperCase()}_DATABASE_PASSWORD`),
    });
  await t.rejects(migrate({ databaseUrl: nowhere, passwords: { ...passwords, worker: passwords.console } }), {
    code: 'database_password_shared',
  });
});

const stored = {
  SEMEL_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64'),
  RECEIVER_DATABASE_PASSWORD: passwords.receiver,
  WORKER_DATABASE_PASSWORD: passwords.worker,
  CONSOLE_DATABASE_PASSWORD: passwords.console,
  CONSOLE_PASSWORD: 'of-the-user-admin',
  DATABASE_URL: nowhere,
  REDIS_URL: 'redis://:of-redis@127.0.0.1:1',
  EMBEDDED_POSTGRES_PASSWORD: 'of-the-owner',
  EMBEDDED_REDIS_PASSWORD: 'of-redis',
};
const common = { SEMEL_ENCRYPTION_KEY: stored.SEMEL_ENCRYPTION_KEY, REDIS_URL: stored.REDIS_URL };

t.test("an app's environment has its own secrets and the rest of the given one", async (t) => {
  const given = {
    PATH: '/bin',
    API_KEY_OF_A_HANDLER: 'x',
    DOCUSIGN_PRIVATE_KEY: 'pem',
    PGUSER: 'owner',
    PGPASSWORD: 'of-the-owner',
    DATABASE_URL: `${nowhere}?user=owner&password=of-the-owner&sslmode=require`,
    WORKER_DATABASE_PASSWORD: 'from-the-environment',
  };
  const rest = { PATH: '/bin', API_KEY_OF_A_HANDLER: 'x', ...common };
  const at = { DATABASE_URL: 'postgres://127.0.0.1:1/semel?sslmode=require' };
  t.same(createAppEnv('receiver', given, stored), {
    ...rest,
    ...at,
    RECEIVER_DATABASE_PASSWORD: passwords.receiver,
  });
  t.same(createAppEnv('worker', given, stored), {
    ...rest,
    ...at,
    DOCUSIGN_PRIVATE_KEY: 'pem',
    WORKER_DATABASE_PASSWORD: 'from-the-environment',
  });
  t.same(createAppEnv('console', {}, stored), {
    ...common,
    DATABASE_URL: 'postgres://127.0.0.1:1/semel',
    CONSOLE_DATABASE_PASSWORD: passwords.console,
    CONSOLE_PASSWORD: stored.CONSOLE_PASSWORD,
  });
});

t.test("an app reads no other app's secrets from the file", async (t) => {
  const dataDir = t.testdir();
  const lines = Object.entries(stored).map(([name, value]) => `${name}='${value}'\n`);
  writeFileSync(join(dataDir, 'secrets.env'), lines.join(''));
  const env = { SEMEL_DATA_DIR: dataDir };
  for (const role of appRoles) {
    const { databasePasswords, consolePassword } = loadConfig(env, [], role);
    const none = { receiver: null, worker: null, console: null };
    t.strictSame(databasePasswords, { ...none, [role]: passwords[role] });
    t.equal(consolePassword, role === 'console' ? stored.CONSOLE_PASSWORD : null);
  }
  t.strictSame(loadConfig(env).databasePasswords, passwords, 'the command line reads all');
});
