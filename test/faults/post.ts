import { Agent, request as httpRequest } from 'node:http';
import type { Request } from './bodies.js';

const agent = new Agent({ keepAlive: true, maxSockets: 512 });

/** Posts to a local receiver; null if no complete answer came in time. `outcome` is its header, or ''. */
export function post(
  port: number,
  { path, headers, body }: Request,
  timeoutMs: number,
): Promise<{ status: number; outcome: string } | null> {
  return new Promise((resolve) => {
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      path,
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    });
    const timer = setTimeout(() => request.destroy(new Error('timeout')), timeoutMs);
    const end = (answer: { status: number; outcome: string } | null) => {
      clearTimeout(timer);
      resolve(answer);
    };
    request.on('error', () => end(null));
    request.on('response', (response) => {
      response.on('error', () => end(null));
      response.on('close', () =>
        end(
          response.complete
            ? {
                status: response.statusCode ?? 0,
                outcome: String(response.headers['x-webhook-outcome'] ?? ''),
              }
            : null,
        ),
      );
      response.resume();
    });
    request.end(body);
  });
}

export const closeConnections = (): void => agent.destroy();
