import type { FastifyInstance } from 'fastify';

/**
 * While the server closes, each answer ends its connection. Else one that was busy at that moment stays open for as long as
 * its client likes, and the process with it. The server must have `return503OnClosing: false`: what still comes in on an open
 * connection is taken like any other, since to some providers a 503 is the last word.
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
