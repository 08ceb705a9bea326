import { createBullBoard } from '@bull-board/api';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from '@semel/queue';
import type { Logger } from '@semel/telemetry';
import type { FastifyInstance } from 'fastify';
import { BoardQueue } from '../board-queue.js';
import { sendProblem } from '../problem.js';
import { boardPolicy } from './security-headers.js';

export const boardPath = '/queues';

export interface BoardOptions {
  queues: readonly Queue[];
  log: Logger;
}

/** Bull Board at `/queues`, to look at alone. */
export async function board(app: FastifyInstance, { queues, log }: BoardOptions): Promise<void> {
  const adapter = new FastifyAdapter().setBasePath(boardPath);
  createBullBoard({
    queues: queues.map((queue) => new BoardQueue(queue)),
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: 'Semel',
        hideDocsLink: true,
        miscLinks: [{ text: 'Console', url: '/' }],
      },
    },
  });
  // Bull Board's own would quote the error's message.
  adapter.setErrorHandler((error) => {
    log.warn({ err: error }, 'board.failed');
    return { status: 503 as 500, body: { error: { key: 'ERRORS.INTERNAL_SERVER_ERROR' } } };
  });

  app.addHook('onRequest', async (request, reply) => {
    // Bull Board's read-only mode refuses by itself, but route by route: a new route of its could forget it.
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return sendProblem(reply.header('allow', 'GET, HEAD'), 'read_only');
    reply.header('content-security-policy', boardPolicy);
  });
  // Its page asks Google for fonts; the policy would refuse them, with an error in every visitor's console.
  app.addHook('onSend', async (_request, reply, payload) =>
    typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html')
      ? payload.replace(/<link href="https:\/\/fonts\.googleapis\.com\/[^>]*>/, '')
      : payload,
  );
  await app.register(adapter.registerPlugin() as never, { prefix: boardPath });
}
