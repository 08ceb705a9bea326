import type { FastifyInstance } from 'fastify';

/**
 * While the server closes, each answer closes its connection. Otherwise a connection that was busy at that moment would stay
 * open until its client closes it, and keep the process alive. The server must have `return503OnClosing: false`: requests on
 * open connections are still accepted, because some providers do not retry after a 503.
 */
export function draining(app: FastifyInstance): void {
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
  });
  app.addHook('onSend', async (_request, reply, payload) => {
    if (isClosing) reply.header('connection', 'close');
    return payload;
  });
}
