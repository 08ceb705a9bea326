import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
  path: string;
}

/** A team's own endpoint on this machine: keeps what it receives, and answers what it is told to. */
export async function startHookServer(t: { teardown(end: () => Promise<void>): void }) {
  const received: Received[] = [];
  /** Statuses of the next answers; 204 where there is none left. 0: no answer at all. */
  const answers: number[] = [];
  const server: Server = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: await text(request), path: request.url ?? '' });
    const status = answers.shift() ?? 204;
    if (status === 0) return;
    response.writeHead(status, status < 400 && status >= 300 ? { location: '/elsewhere' } : {}).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, received, answers };
}
