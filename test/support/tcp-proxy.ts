import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * State of the connection to the server: `open`; `refusing` (each connection is reset at once); `dead` (connections
 * are accepted, and nothing passes in either direction, as behind a firewall that lost its state).
 */
export type Way = 'open' | 'refusing' | 'dead';

/**
 * What to do with a statement for Postgres: let it `pass`, `cut` the connection before the server gets it, or `cut
 * after` the server has answered, before the answer gets back.
 */
export type Verdict = 'pass' | 'cut' | 'cut after';

export interface TcpProxy {
  readonly port: number;
  /** Connections that clients have opened since the start. */
  readonly attempts: number;
  /** Connections that are open now. */
  readonly open: number;
  /** The same URL through this proxy. */
  through(url: string): string;
  /** Open connections stay open; `cut` ends them. */
  set(way: Way): void;
  /** Ends all connections. */
  cut(): void;
  /** Ends all connections with a reset, as a rebooted host does. */
  reset(): void;
  /**
   * The server side drops all connections without notifying the clients: their data gets no answer. New connections
   * work.
   */
  halfOpen(): void;
  /** Delays what comes from the server, milliseconds. */
  delayMs: number;
  /** The server's data trickles: so many bytes, then a pause. */
  trickle: { bytes: number; everyMs: number } | null;
  /** Judges each statement of a Postgres client; `connection` counts from 1. */
  judge: ((sql: string, connection: number) => Verdict) | null;
  stop(): Promise<void>;
}

/** A TCP proxy that can be cut, slowed and blocked. Listens only on the loopback. */
export async function startTcpProxy(target: { port: number; host?: string }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let way: Way = 'open';
  let attempts = 0;

  const server = createServer({ noDelay: true }, (client) => {
    attempts++;
    const connection = attempts;
    client.on('error', () => undefined);
    if (way === 'refusing') return void client.resetAndDestroy();
    const upstream = connect({ port: target.port, host: target.host ?? '127.0.0.1', noDelay: true });
    upstream.on('error', () => undefined);
    let lost = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
      pairs.delete(pair);
    };
    const pair: Pair = {
      end,
      reset: () => void client.resetAndDestroy(),
      lose: () => {
        lost = true;
        upstream.destroy();
      },
    };
    pairs.add(pair);
    client.on('close', end);
    upstream.on('close', () => lost || end());
    const answer = paced(
      (chunk) => write(client, chunk),
      () => proxy,
    );

    let cutAtAnswer = false;
    const statementsIn = statementReader();
    client.on('data', (chunk: Buffer) => {
      if (way === 'dead' || lost) return;
      const verdicts = statementsIn(chunk).map((sql) => proxy.judge?.(sql, connection) ?? 'pass');
      if (verdicts.includes('cut')) return end();
      cutAtAnswer ||= verdicts.includes('cut after');
      write(upstream, chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (way === 'dead' || lost) return;
      if (cutAtAnswer) return end();
      answer(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };

  const proxy: TcpProxy = {
    port,
    delayMs: 0,
    trickle: null,
    judge: null,
    get attempts() {
      return attempts;
    },
    get open() {
      return pairs.size;
    },
    through(url) {
      const changed = new URL(url);
      changed.hostname = '127.0.0.1';
      changed.port = String(port);
      return changed.href;
    },
    set(next) {
      way = next;
    },
    cut() {
      for (const { end } of [...pairs]) end();
    },
    reset() {
      for (const { reset } of [...pairs]) reset();
    },
    halfOpen() {
      for (const { lose } of [...pairs]) lose();
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      proxy.cut();
      await closed;
    },
  };
  return proxy;
}

/** A client's connection and its counterpart to the server. */
interface Pair {
  end(): void;
  reset(): void;
  lose(): void;
}

/** Forwards chunks in order, at the proxy's current pace. */
function paced(
  pass: (chunk: Buffer) => void,
  pace: () => Pick<TcpProxy, 'delayMs' | 'trickle'>,
): (chunk: Buffer) => void {
  const waiting: { chunk: Buffer; atMs: number }[] = [];
  const run = async () => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const { delayMs, trickle } = pace();
      const earlyMs = next.atMs + delayMs - Date.now();
      if (earlyMs > 0) await sleep(Math.min(earlyMs, 20));
      else if (trickle !== null && next.chunk.length > trickle.bytes) {
        pass(next.chunk.subarray(0, trickle.bytes));
        next.chunk = next.chunk.subarray(trickle.bytes);
        await sleep(trickle.everyMs);
      } else {
        pass(next.chunk);
        waiting.shift();
      }
    }
  };
  return (chunk) => {
    const { delayMs, trickle } = pace();
    if (waiting.length === 0 && delayMs === 0 && trickle === null) return pass(chunk);
    if (waiting.push({ chunk, atMs: Date.now() }) === 1) void run();
  };
}

const write = (socket: Socket, chunk: Buffer) => void (socket.writable && socket.write(chunk));

/** Reads the statements out of a Postgres client's stream: `Query` and `Parse` messages. The first message has no type. */
function statementReader(): (chunk: Buffer) => string[] {
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  return (chunk) => {
    const statements: string[] = [];
    if (!started && rest.length === 0 && chunk[0] !== 0) return statements; // it does not speak Postgres
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = started ? 1 : 0;
      if (rest.length < head + 4) return statements;
      const length = head + rest.readUInt32BE(head);
      if (length < head + 4 || rest.length < length) return statements;
      const type = started ? String.fromCharCode(rest[0] as number) : '';
      const body = rest.subarray(head + 4, length);
      if (type === 'Q') statements.push(body.toString('utf8', 0, body.length - 1));
      if (type === 'P') {
        const from = body.indexOf(0) + 1;
        statements.push(body.toString('utf8', from, body.indexOf(0, from)));
      }
      started = true;
      rest = rest.subarray(length);
    }
  };
}
