import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
  path: string;
}

/** A team's own endpoint on this machine: records requests, and answers as the test says. */
export async function startHookServer(t: { teardown(end: () => Promise<void>): void }) {
  const received: Received[] = [];
  /** The next answers; then 204. Status 0: no answer at all. */
  const answers: (number | { status: number; headers: Record<string, string> })[] = [];
  const server: Server = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: await text(request), path: request.url ?? '' });
    const answer = answers.shift() ?? 204;
    const { status, headers } = typeof answer === 'number' ? { status: answer, headers: {} } : answer;
    if (status === 0) return;
    const location = status >= 300 && status < 400 ? { location: '/elsewhere' } : {};
    response.writeHead(status, { ...location, ...headers }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, received, answers };
}
