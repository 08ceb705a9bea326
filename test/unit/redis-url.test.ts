import { parseRedisUrl } from '@semel/core';
import t from 'tap';
import { scrubLine } from '../../packages/telemetry/src/redact.js';

t.test('each form of REDIS_URL is read', async (t) => {
  t.match(parseRedisUrl('redis://:secret@db.internal:6380/2'), {
    kind: 'single',
    tls: false,
    hosts: [{ host: 'db.internal', port: 6380 }],
    username: undefined,
    password: 'secret',
    db: 2,
  });
  t.match(parseRedisUrl('redis+sentinel://app:p%40ss@a:26379,[::1],c/main/1?sentinel_password=other'), {
    kind: 'sentinel',
    hosts: [
      { host: 'a', port: 26_379 },
      { host: '::1', port: 26_379 },
      { host: 'c', port: 26_379 },
    ],
    username: 'app',
    password: 'p@ss',
    masterName: 'main',
    db: 1,
    sentinel: { password: 'other' },
  });
  t.match(parseRedisUrl('rediss+cluster://:x@a:7000,b:7001'), {
    kind: 'cluster',
    tls: true,
    hosts: [
      { host: 'a', port: 7000 },
      { host: 'b', port: 7001 },
    ],
    password: 'x',
  });
});

t.test('an invalid address is refused', async (t) => {
  for (const text of [
    '',
    'localhost:6379',
    'http://a:6379',
    'redis://',
    'redis://a:6379,b:6379',
    'redis://a:99999',
    'redis://a/x',
    'redis+sentinel://a:26379',
    'redis+sentinel://a:26379,/main',
    'redis+sentinel://a/main/1/2',
    'redis+cluster://a:7000/1',
    'redis://:%zz@a',
  ])
    t.equal(parseRedisUrl(text), null, text);
});

t.test('no log line contains the passwords of an address', async (t) => {
  const line = scrubLine(
    'at redis+sentinel://:hunter2@a:1,b:2/main?sentinel_password=hunter3 and rediss+cluster://u:hunter4@c:1',
  );
  t.notMatch(line, /hunter/);
});
