import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { post } from '../post.js';
import type { SiegeApp } from './apps.js';
import { addDestination, addEndpoint, type SiegeFirm, signed } from './firms.js';
import type { Bounds } from './judge.js';

/** What an attacker has: a firm of its own with valid secrets, and the receiver's port. */
export interface Siege {
  receiver: SiegeApp;
  attacker: SiegeFirm;
  quiet: SiegeFirm;
  sql: pg.Pool;
  redis: Redis;
  /** 1, or less for a short run. */
  scale: number;
  /** Keys of the attacker's events that were acknowledged. */
  acknowledged: Set<string>;
}

export interface Attack {
  name: string;
  /** Of docs on blast radius: who attacks, and how. */
  what: string;
  bounds?: Partial<Bounds>;
  /** Returns what it found wrong itself. */
  run(siege: Siege): Promise<string[]>;
}

const mebibyte = 1024 * 1024;
const of = (name: string) => providerNamed(name) as Provider;
const hex = () => randomBytes(12).toString('hex');

/** Sends all, so many at a time; returns the answers' statuses. */
async function sendAll(
  siege: Siege,
  provider: Provider,
  bodies: Iterable<Buffer>,
  { atOnce = 50, channel = null, headers = {} as Record<string, string> } = {},
): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  const next = bodies[Symbol.iterator]();
  const endpoint = siege.attacker.endpoints[provider.name];
  if (endpoint === undefined) throw new Error(`no endpoint of ${provider.name}`);
  const send = async () => {
    for (let body = next.next(); !body.done; body = next.next()) {
      const request = signed(provider, endpoint, body.value, { channel, headers });
      const answer = await post(siege.receiver.port, request, 30_000);
      statuses.set(answer?.status ?? 0, (statuses.get(answer?.status ?? 0) ?? 0) + 1);
      if (answer?.status !== 200) continue;
      const { eventId } = provider.identify(body.value, channel, request.headers);
      siege.acknowledged.add(`${provider.name}:${eventId}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, send));
  return statuses;
}

const stripeEvent = (
  type: string,
  object: Record<string, unknown>,
  created = Math.floor(Date.now() / 1000),
): Buffer =>
  Buffer.from(
    JSON.stringify({ id: `evt_${hex()}`, object: 'event', created, livemode: false, type, data: { object } }),
  );
const invoice = (fields: Record<string, unknown> = {}) => ({
  id: `in_${hex()}`,
  object: 'invoice',
  number: 'SMP-1',
  status: 'open',
  amount_due: 500,
  amount_paid: 0,
  amount_remaining: 500,
  currency: 'usd',
  ...fields,
});
/** Its amount is a text: the rule throws. */
const poison = (padding = 0) =>
  stripeEvent('invoice.updated', invoice({ amount_due: 'x', pad: 'x'.repeat(padding) }));

function* times<T>(count: number, make: (i: number) => T): Generator<T> {
  for (let i = 0; i < count; i++) yield make(i);
}

/** An unfinished request: all of its body but the rest. */
async function sendPart(siege: Siege, path: string, length: number, part: number): Promise<Socket> {
  const socket = connect(siege.receiver.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect').catch(() => undefined);
  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`);
  socket.write(Buffer.alloc(part, 'a'));
  return socket;
}

export const attacks: readonly Attack[] = [
  {
    name: 'docusign-numbers',
    what: 'signed bodies of 25 MiB with millions of numbers, of empty objects, of brackets',
    async run(siege) {
      const head = `{"event":"envelope-sent","configurationId":9007199254740993,"generatedDateTime":"2026-01-01T00:00:00Z","data":{"accountId":9007199254740993,"envelopeId":"${hex()}"},"x":`;
      const costly = [
        `[${'1,'.repeat(12_000_000)}1]}`,
        `[${'{},'.repeat(8_000_000)}{}]}`,
        '['.repeat(25_000_000),
      ];
      for (const values of costly)
        await sendAll(
          siege,
          of('docusign'),
          times(3, () => Buffer.from(head + values)),
          { atOnce: 3 },
        );
      return [];
    },
  },
  {
    name: 'unfinished-bodies',
    what: 'anyone: 30 bodies of 25 MiB, all but a part sent, to a key that does not exist, then to one that does; 300 of 1 MiB',
    async run(siege) {
      const known = siege.attacker.endpoints.docusign?.key ?? '';
      for (const key of [hex(), known]) {
        const sockets = await Promise.all([
          ...times(30, () => sendPart(siege, `/webhooks/docusign/${key}`, 25 * mebibyte, 24 * mebibyte)),
        ]);
        await sleep(2_000);
        for (const socket of sockets) socket.destroy();
      }
      const small = siege.attacker.endpoints.stripe?.key ?? '';
      const sockets = await Promise.all([
        ...times(300, () => sendPart(siege, `/webhooks/stripe/${small}`, mebibyte, mebibyte - 1)),
      ]);
      await sleep(2_000);
      for (const socket of sockets) socket.destroy();
      return [];
    },
  },
  {
    name: 'same-ids',
    what: 'two services of one firm that count their webhooks 1, 2, 3',
    async run(siege) {
      const standard = of('standard');
      const endpoints = [
        siege.attacker.endpoints.standard,
        await addEndpoint(siege.sql, siege.attacker.id, standard),
      ];
      await sleep(1_000);
      const outcomes: string[] = [];
      for (const endpoint of endpoints)
        for (let i = 1; i <= 10; i++) {
          const body = Buffer.from(JSON.stringify({ type: 'x', service: endpoint?.id, i }));
          if (endpoint === undefined) continue;
          const request = signed(standard, endpoint, body, { headers: { 'webhook-id': String(i) } });
          outcomes.push((await post(siege.receiver.port, request, 10_000))?.outcome ?? '');
        }
      await sleep(2_000);
      const { rows } = await siege.sql.query(
        'SELECT count(*)::int AS n FROM standard_webhook_events WHERE firm_id = $1',
        [siege.attacker.id],
      );
      return rows[0].n === 20 ? [] : [`${rows[0].n} of 20 events are recorded (${[...new Set(outcomes)]})`];
    },
  },
  {
    name: 'redis-full',
    what: 'signed: failing events of 62 kB until Redis is above its mark',
    // While Redis is full, the relay looks each half second.
    bounds: { appliedP99Ms: 4_000 },
    async run(siege) {
      await siege.redis.config(
        'SET',
        'maxmemory',
        `${Math.round((await usedBytes(siege.redis)) + 40 * mebibyte)}`,
      );
      try {
        await sendAll(
          siege,
          of('stripe'),
          times(Math.round(1_500 * siege.scale), () => poison(62_000)),
        );
        await sleep(5_000);
      } finally {
        await siege.redis.config('SET', 'maxmemory', 0);
      }
      return [];
    },
  },
  {
    name: 'many-objects',
    what: 'signed: events of nearly 1 MiB with thousands of objects',
    async run(siege) {
      const payments = (count: number) => ({
        payments: {
          data: [
            ...times(count, () => ({
              id: `inpay_${hex()}`,
              payment: { type: 'payment_intent', payment_intent: `pi_${hex()}` },
            })),
          ],
        },
      });
      const bodies = [
        ...times(8, () => stripeEvent('invoice.updated', invoice(payments(6_000)))),
        ...times(Math.round(40 * siege.scale), () => stripeEvent('invoice.updated', invoice(payments(300)))),
      ];
      await sendAll(siege, of('stripe'), bodies, { atOnce: 8 });
      return [];
    },
  },
  {
    name: 'poison',
    what: 'signed: thousands of events whose rule throws',
    async run(siege) {
      await sendAll(
        siege,
        of('stripe'),
        times(Math.round(10_000 * siege.scale), () => poison()),
      );
      return [];
    },
  },
  {
    name: 'flood',
    what: 'signed: thousands of valid events',
    async run(siege) {
      await sendAll(
        siege,
        of('stripe'),
        times(Math.round(10_000 * siege.scale), () => stripeEvent('invoice.updated', invoice())),
      );
      return [];
    },
  },
  {
    name: 'slow-handlers',
    what: 'signed: hundreds of events whose handler takes four seconds',
    async run(siege) {
      const slow = () => stripeEvent('invoice.sent', invoice({ number: 'is slow' }));
      await sendAll(siege, of('stripe'), times(Math.round(500 * siege.scale), slow));
      await sleep(8_000);
      return [];
    },
  },
  {
    name: 'dead-destination',
    what: 'hundreds of effects to a destination that never answers',
    async run(siege) {
      const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
      let arrived = 0;
      const live = createHttpServer((request, response) => {
        arrived++;
        request.resume();
        response.writeHead(204).end();
      }).listen(0, '127.0.0.1');
      await Promise.all([once(silent, 'listening'), once(live, 'listening')]);
      const urlOf = (server: { address(): unknown }) =>
        `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
      await addDestination(siege.sql, siege.attacker.id, 'dead', urlOf(silent));
      await addDestination(siege.sql, siege.quiet.id, 'live', urlOf(live));
      const effect = (to: string) => stripeEvent('invoice.sent', invoice({ number: `to ${to}` }));
      await sendAll(
        siege,
        of('stripe'),
        times(Math.round(400 * siege.scale), () => effect('dead')),
      );
      await sleep(1_000);
      const beganMs = performance.now();
      for (const body of times(5, () => effect('live'))) {
        const endpoint = siege.quiet.endpoints.stripe;
        if (endpoint) await post(siege.receiver.port, signed(of('stripe'), endpoint, body), 10_000);
      }
      while (arrived < 5 && performance.now() - beganMs < 20_000) await sleep(50);
      const tookMs = Math.round(performance.now() - beganMs);
      live.close();
      silent.close();
      return arrived === 5 && tookMs <= 5_000
        ? []
        : [`${arrived} of 5 effects of the other firm after ${tookMs} ms`];
    },
  },
  {
    name: 'stuck-handler',
    what: 'an event whose handler never yields',
    // The event ends its worker five times. Jobs that it had in hand run again when their locks expire.
    bounds: { restarts: 6, appliedP99Ms: 60_000 },
    async run(siege) {
      const body = stripeEvent('invoice.sent', invoice({ number: 'loops' }));
      await sendAll(siege, of('stripe'), [body], { atOnce: 1 });
      const { id } = JSON.parse(body.toString()) as { id: string };
      for (const untilMs = performance.now() + 480_000; performance.now() < untilMs; await sleep(500)) {
        const { rows } = await siege.sql.query(
          'SELECT outcome, last_error FROM finance_stripe_webhook_events WHERE stripe_event_id = $1',
          [id],
        );
        if (rows[0]?.outcome === 'dead')
          return /^handler_stuck/.test(rows[0].last_error) ? [] : [rows[0].last_error];
      }
      return ['the event is not dead after eight minutes'];
    },
  },
  {
    name: 'deaf-log',
    what: 'nobody reads standard output while thousands of requests are refused',
    async run(siege) {
      siege.receiver.setDeaf(true);
      const key = siege.attacker.endpoints.stripe?.key ?? '';
      const refuse = async () => {
        for (let i = 0; i < 100 * siege.scale; i++)
          await post(
            siege.receiver.port,
            { path: `/webhooks/stripe/${key}`, headers: { 'x-i': hex() }, body: '{}' },
            10_000,
          );
      };
      await Promise.all([...times(50, refuse)]);
      // Lines that are not summed.
      await sendAll(
        siege,
        of('stripe'),
        times(1, () => stripeEvent('invoice.updated', invoice())),
      );
      await sleep(2_000);
      siege.receiver.setDeaf(false);
      return [];
    },
  },
];

const usedBytes = async (redis: Redis): Promise<number> =>
  Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
