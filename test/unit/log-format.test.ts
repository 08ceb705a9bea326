import Module from 'node:module';
import { ConfigError, loadSettings } from '@semel/config';
import { chooseLogFormat } from '@semel/telemetry';
import t from 'tap';
import { captureLog } from '../support/capture-log.js';

t.test('the setting decides the format, else whether the output is a terminal', async (t) => {
  t.equal(chooseLogFormat(null, true), 'pretty');
  t.equal(chooseLogFormat(null, false), 'json');
  t.equal(chooseLogFormat('json', true), 'json');
  t.equal(chooseLogFormat('pretty', false), 'pretty');
  t.equal(loadSettings({ SEMEL_DATA_DIR: t.testdirName }).logFormat, null);
  t.equal(loadSettings({ SEMEL_DATA_DIR: t.testdirName, LOG_FORMAT: 'pretty' }).logFormat, 'pretty');
  t.throws(
    () => loadSettings({ SEMEL_DATA_DIR: t.testdirName, LOG_FORMAT: 'xml' }),
    new ConfigError(['LOG_FORMAT: expected `pretty` or `json`, not `xml`']),
  );
});

t.test('a pretty line has time, level, app, event and fields', async (t) => {
  const { logger, lines } = captureLog({ format: 'pretty' });
  logger.info({ listening: 'http://127.0.0.1:8080' }, 'receiver.started');
  logger.error({ err: new Error('boom'), provider: 'stripe' }, 'event.applyFailed');
  const [first, second, ...rest] = lines();
  t.match(
    first,
    /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: receiver receiver\.started {"listening":"http:\/\/127\.0\.0\.1:8080"}$/,
  );
  t.match(second, /ERROR: receiver event\.applyFailed {"provider":"stripe"}$/);
  t.match(rest.join('\n'), /"message": "boom"[\s\S]*at /, 'with the stack on lines of its own');
});

t.test('a pretty line hides what a JSON line hides', async (t) => {
  const hidden = 'HIDE-ME';
  const { logger, text } = captureLog({ format: 'pretty' });
  logger.info({ password: hidden, customer: { email: hidden }, headers: { authorization: hidden } }, 'x');
  logger.error({ err: Object.assign(new Error('told'), { config: { secret: hidden } }) }, 'x');
  logger.warn(`connect postgres://semel:${hidden}@db:5432/x`);
  logger.warn('sent to +15551234567');
  t.notMatch(text(), hidden);
  t.notMatch(text(), '15551234567');
  t.match(text(), '[redacted]');
});

t.test('control characters of an event do not reach the terminal', async (t) => {
  const { logger, lines, text } = captureLog({ format: 'pretty' });
  for (const control of ['\u001b[2J', '\u009b2J', '\u0007', '\r'])
    logger.info({ eventId: control, nested: { [control]: [control] } }, `event ${control}`);
  logger.error({ err: new Error('\u001b[2J\u009b2J') }, 'x');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  t.notMatch(text().replaceAll(/\u001b\[\d+m/g, ''), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  t.match(lines()[1], '\\u009b2J', 'and is shown all the same');
});

t.test('without pino-pretty the lines are JSON, and the first line says so', async (t) => {
  const resolver = Module as unknown as { _load(name: string, ...rest: unknown[]): unknown };
  const original = resolver._load;
  resolver._load = (name, ...rest) => {
    if (name === 'pino-pretty') throw new Error('Cannot find module');
    return original(name, ...rest);
  };
  t.teardown(() => {
    resolver._load = original;
  });
  const { logger, lines } = captureLog({ format: 'pretty' });
  logger.info('receiver.started');
  const [first, second, ...rest] = lines().map((line) => JSON.parse(line));
  t.match(first, { level: 'warn', msg: 'log.fellBackToJson', reason: /pino-pretty.*is not installed/ });
  t.match(second, { level: 'info', msg: 'receiver.started' });
  t.equal(rest.length, 0);
});
