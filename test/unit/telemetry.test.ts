import { createMetrics, maskPhone, registerHealth } from '@semel/telemetry';
import Fastify from 'fastify';
import t from 'tap';
import { captureLog } from '../support/capture-log.js';

const providers = ['stripe', 'square', 'docusign', 'twilio'];

t.test('no secret, signature, body, number, name or address reaches a log', async (t) => {
  const { logger, text } = captureLog();
  const hidden = 'HIDE-ME';
  const request = {
    headers: {
      authorization: hidden,
      cookie: hidden,
      'stripe-signature': hidden,
      'x-twilio-signature': hidden,
      'webhook-signature': hidden,
      'X-Acme-Signature-V2': `${hidden}"${hidden}`,
    },
    body: hidden,
  };
  logger.info({ request, ...request.headers }, 'request.received');
  logger.info({ endpoint: { secrets: [hidden], key: 'k' }, event: { body: { utf8: hidden } } }, 'x');
  logger.info({
    From: hidden,
    To: hidden,
    customer: { email: hidden, name: hidden, address: { city: hidden } },
  });
  logger.info({ config: { databaseUrl: hidden, encryptionKey: hidden }, password: hidden });
  logger.info({ change: { row: { our_number: hidden, their_number: hidden } } });
  logger.info({ req: { method: 'POST', url: `/webhooks/x?token=${hidden}`, headers: request.headers } });
  logger.info({ headers: { 'set-cookie': [hidden] }, list: [{ token: hidden }, 'told'] });
  logger.info({ job: { id: 'told', toJSON: () => ({ id: 'told', data: hidden }) } });
  logger.info({
    failed: Object.assign(new Error('told'), { config: { password: hidden }, address: hidden }),
  });
  logger.child({ secret: hidden }).info({ password: hidden }, 'of a child');
  t.notMatch(text(), hidden);
  t.match(text(), '[redacted]');
  t.equal(text().match(/told/g)?.length, 4, 'and nothing else is hidden');
});

t.test('logging never changes the logged value', async (t) => {
  const { logger, last } = captureLog();
  const circle: Record<string, unknown> = { secret: 'x', at: new Date(0), none: null, n: 1 };
  circle.self = circle;
  logger.info(circle, 'a circle');
  t.match(last(), { secret: '[redacted]', at: '1970-01-01T00:00:00.000Z', none: null, n: 1 });
  t.equal(circle.secret, 'x');
  logger.error(Object.assign(new Error('boom'), { address: '10.0.0.1' }));
  t.match(last().err, { type: 'Error', message: 'boom' });
  t.notOk('address' in last().err);
});

t.test('sensitive parts of a text are masked as well', async (t) => {
  const { logger, text } = captureLog();
  logger.error({ err: new Error('+15551234567 said STOP') }, 'sent to +447700900123');
  logger.warn('connect postgres://semel:hunter22@db:5432/x with whsec_abcDEF123');
  t.notMatch(text(), /5551234567|7700900123|hunter22|abcDEF123/);
  t.match(text(), '+*********67');
  t.match(text(), 'postgres://semel:[redacted]@db');
  t.equal(maskPhone('+15551234567'), '+*********67');
});

t.test('an error is logged with its cause, without the row or credentials that drivers attach', async (t) => {
  const { logger, text, last } = captureLog();
  const cause = Object.assign(new Error('duplicate key'), {
    code: '23505',
    detail: 'Key (email)=(HIDE-ME)',
  });
  logger.error({ err: new Error('apply failed', { cause }) });
  t.notMatch(text(), 'HIDE-ME');
  t.match(last().err, { message: 'apply failed', cause: { message: 'duplicate key', code: '23505' } });
});

t.test('a line is one JSON object with level, time and app', async (t) => {
  const { logger, last, text } = captureLog();
  logger.info({ event_id: 'evt_1', provider: 'stripe' }, 'Duplicate stripe webhook event received: evt_1');
  logger.debug('not at this level');
  t.equal(text().trim().split('\n').length, 1);
  t.match(last(), { level: 'info', app: 'receiver', provider: 'stripe', event_id: 'evt_1' });
  t.match(last().msg, 'Duplicate stripe webhook event received: evt_1');
  t.ok(Date.parse(last().time));
});

t.test('a duplicate is counted once in each of its two counters, and 0 is shown', async (t) => {
  const metrics = createMetrics('receiver', providers);
  metrics.duplicate('stripe', 'claim');
  metrics.duplicate('stripe', 'queue');
  const text = await metrics.registry.metrics();
  t.match(text, /^stripe_webhook_duplicate 2$/m);
  t.match(text, /^square_webhook_duplicate 0$/m);
  t.match(text, /^docusign_webhook_duplicate 0$/m);
  t.match(text, /^twilio_webhook_duplicate 0$/m);
  t.match(text, /^webhook_duplicate_total\{provider="stripe",layer="claim"\} 1$/m);
  t.match(text, /^webhook_duplicate_total\{provider="stripe",layer="ledger"\} 0$/m);
  t.match(text, /^webhook_received_total\{provider="twilio",outcome="spilled"\} 0$/m);
  t.match(text, /^webhook_record_failed_total\{provider="square"\} 0$/m);
  t.match(text, /^webhook_accept_duration_seconds_bucket\{le="0.001",provider="stripe"\} 0$/m);
  t.match(text, /^process_cpu_user_seconds_total /m);
});

t.test('only the console exposes gauges of the whole system', async (t) => {
  const whole = /^webhook_(queue_jobs|oldest_job_age_seconds|spill_rows|quarantine_rows)/m;
  t.notMatch(await createMetrics('receiver', providers).registry.metrics(), whole);
  t.notMatch(await createMetrics('worker', providers).registry.metrics(), whole);
  const metrics = createMetrics('console', providers);
  metrics.queueJobs('stripe', 'failed', 3);
  const text = await metrics.registry.metrics();
  t.match(text, /^webhook_spill_rows 0$/m);
  t.match(text, /^webhook_quarantine_rows 0$/m);
  t.match(text, /^webhook_queue_jobs\{provider="stripe",state="failed"\} 3$/m);
  t.match(text, /^webhook_oldest_job_age_seconds\{provider="twilio"\} 0$/m);
  t.throws(() => metrics.acceptSeconds('stripe', 1), /not a metric of the console/);
});

t.test('readiness lists its checks, and a hanging check is not ready', async (t) => {
  const app = Fastify();
  let isReady = async () => ({ ready: true, checks: { redis: 'up' } });
  registerHealth(app, {
    metrics: createMetrics('worker', providers),
    isReady: () => isReady(),
    timeoutMs: 50,
  });
  t.equal((await app.inject('/livez')).statusCode, 200);
  const up = await app.inject('/readyz');
  t.equal(up.statusCode, 200);
  t.same(up.json(), { ready: true, checks: { redis: 'up' } });
  isReady = () => new Promise(() => {});
  const hung = await app.inject('/readyz');
  t.equal(hung.statusCode, 503);
  t.same(hung.json().checks, { readiness: 'timed out' });
  const scraped = await app.inject('/metrics');
  t.match(scraped.headers['content-type'], /^text\/plain/);
  t.match(scraped.body, 'webhook_apply_duration_seconds_count');
  await app.close();
});
