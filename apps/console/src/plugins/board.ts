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

/** Bull Board at `/queues`, read-only. */
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
  // Bull Board's default handler would send the error's message.
  adapter.setErrorHandler((error) => {
    log.warn({ err: error }, 'board.failed');
    return { status: 503 as 500, body: { error: { key: 'ERRORS.INTERNAL_SERVER_ERROR' } } };
  });

  app.addHook('onRequest', async (request, reply) => {
    // Bull Board's read-only mode is checked in each route, so a new route could miss it.
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return sendProblem(reply.header('allow', 'GET, HEAD'), 'read_only');
    reply.header('content-security-policy', boardPolicy);
  });
  // The page links to Google Fonts, which the policy blocks: without the link, browsers log no error.
  app.addHook('onSend', async (_request, reply, payload) =>
    typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html')
      ? payload.replace(/<link href="https:\/\/fonts\.googleapis\.com\/[^>]*>/, '')
      : payload,
  );
  await app.register(adapter.registerPlugin() as never, { prefix: boardPath });
}
