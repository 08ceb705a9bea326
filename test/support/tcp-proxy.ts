import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/**
 * How the way to the server is: `open`; `refusing` (each connection is reset at once); `dead` (connections are taken, and
 * nothing goes through any more in either direction, as behind a firewall that lost its state).
 */
export type Way = 'open' | 'refusing' | 'dead';

/**
 * What to do with a statement on its way to Postgres: let it `pass`, `cut` the connection before it gets there, or
 * `cut after` the server has answered and before the answer gets back.
 */
export type Verdict = 'pass' | 'cut' | 'cut after';

export interface TcpProxy {
  readonly port: number;
  /** Connections that clients have tried since the start. */
  readonly attempts: number;
  /** Connections that are open now. */
  readonly open: number;
  /** The same address, by way of this proxy. */
  through(url: string): string;
  /** Connections that are open stay so; `cut` ends them. */
  set(way: Way): void;
  /** Ends all connections. */
  cut(): void;
  /** Delays what comes from the server, milliseconds. */
  delayMs: number;
  /** Judges each statement of a Postgres client; `connection` counts from 1. */
  judge: ((sql: string, connection: number) => Verdict) | null;
  stop(): Promise<void>;
}

/** A way to a server that can be cut, slowed and blocked. Listens on the loopback alone. */
export async function startTcpProxy(target: { port: number; host?: string }): Promise<TcpProxy> {
  const pairs = new Set<() => void>();
  let way: Way = 'open';
  let attempts = 0;

  const server = createServer({ noDelay: true }, (client) => {
    attempts++;
    const connection = attempts;
    client.on('error', () => undefined);
    if (way === 'refusing') return void client.resetAndDestroy();
    const upstream = connect({ port: target.port, host: target.host ?? '127.0.0.1', noDelay: true });
    upstream.on('error', () => undefined);
    const end = () => {
      client.destroy();
      upstream.destroy();
      pairs.delete(end);
    };
    pairs.add(end);
    client.on('close', end);
    upstream.on('close', end);

    let cutAtAnswer = false;
    const statementsIn = statementReader();
    client.on('data', (chunk: Buffer) => {
      if (way === 'dead') return;
      const verdicts = statementsIn(chunk).map((sql) => proxy.judge?.(sql, connection) ?? 'pass');
      if (verdicts.includes('cut')) return end();
      cutAtAnswer ||= verdicts.includes('cut after');
      write(upstream, chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (way === 'dead') return;
      if (cutAtAnswer) return end();
      if (proxy.delayMs > 0) setTimeout(() => write(client, chunk), proxy.delayMs);
      else write(client, chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };

  const proxy: TcpProxy = {
    port,
    delayMs: 0,
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
      for (const end of [...pairs]) end();
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
