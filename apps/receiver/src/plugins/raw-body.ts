import { RejectedError } from '@semel/core';
import type { FastifyInstance } from 'fastify';

/** Hands every body to the routes of `app` as its exact bytes, with any content type or none. */
export function rawBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', async (request) => {
    if (!isPlain(request.headers['content-encoding'])) throw new RejectedError('unsupported_encoding');
    // No provider signs the content type, and Fastify rejects a request whose content type it cannot parse.
    request.headers['content-type'] = 'application/octet-stream';
  });
}

/** True if the body is not compressed: the header is empty or says only `identity`. */
const isPlain = (encodings = ''): boolean =>
  encodings.split(',').every((encoding) => /^(identity)?$/i.test(encoding.trim()));
