// The floor: the least that any receiver must do. One bare Fastify route that verifies the HMAC, parses, does one SET
// NX and answers. It guarantees nothing: an event is lost if the process dies.
import { createHmac, timingSafeEqual } from 'node:crypto';
import fastify from 'fastify';
import { Redis } from 'ioredis';

const redis = new Redis(process.env.REDIS_URL as string, { enableAutoPipelining: true });
const secret = process.env.BENCH_SECRET as string;
const app = fastify();
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/webhooks/stripe/:endpoint', async (request, reply) => {
  const body = request.body as Buffer;
  const [time = '', signature = ''] = String(request.headers['stripe-signature'])
    .split(',')
    .map((part) => part.slice(part.indexOf('=') + 1));
  const expected = createHmac('sha256', secret).update(`${time}.`).update(body).digest('hex');
  if (expected.length !== signature.length || !timingSafeEqual(Buffer.from(expected), Buffer.from(signature)))
    return reply.code(401).send();
  const event = JSON.parse(body.toString('utf8')) as { id: string };
  const fresh = await redis.set(`floor:${event.id}`, '1', 'EX', 345_600, 'NX');
  return { outcome: fresh ? 'accepted' : 'duplicate', eventId: event.id };
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.({ ready: true, address: url });
process.on('disconnect', () => process.exit());
