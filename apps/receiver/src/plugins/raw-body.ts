import { RejectedError } from '@semel/core';
import type { FastifyInstance } from 'fastify';

/** Inside this plugin every body arrives as its exact bytes, whatever its content type says, or if it says none. */
export function rawBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', async (request) => {
    if (!isPlain(request.headers['content-encoding'])) throw new RejectedError('unsupported_encoding');
    // Nobody signs the content type, and Fastify refuses one that it can't read.
    request.headers['content-type'] = 'application/octet-stream';
  });
}

/** An empty header, and `identity` in any case, say that nothing was done to the bytes. */
const isPlain = (encodings = ''): boolean =>
  encodings.split(',').every((encoding) => /^(identity)?$/i.test(encoding.trim()));
