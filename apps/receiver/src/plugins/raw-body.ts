import { RejectedError, SemelError } from '@semel/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { BodyBudget } from './body-budget.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The firm whose share of the budget its body takes; set before the body is read. */
    bodyOwner: string | null;
    /** How many bytes of the budget its body has. */
    bodyBytes: number;
  }
}

/** Of each body so many bytes are not counted: those of all connections together are few. */
export const uncountedBytes = 64 * 1024;

/**
 * Hands every body to the routes of `app` as its exact bytes, with any content type or none.
 * A body that is larger than its route takes is refused with `too_large`, one that finds no room in the budget with `overloaded`.
 */
export function rawBody(app: FastifyInstance, budget: BodyBudget): void {
  app.decorateRequest('bodyOwner', null);
  app.decorateRequest('bodyBytes', 0);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request, _payload, done) => readBody(request, budget, done));
  app.addHook('onRequest', async (request, reply) => {
    // The answer is sent, or the connection is gone: so long the body is in memory.
    reply.raw.once('close', () => budget.giveBack(request.bodyOwner, request.bodyBytes));
    if (!isPlain(request.headers['content-encoding'])) throw new RejectedError('unsupported_encoding');
    // No provider signs the content type, and Fastify rejects a request whose content type it cannot parse.
    request.headers['content-type'] = 'application/octet-stream';
  });
}

/** True if the body is not compressed: the header is empty or says only `identity`. */
const isPlain = (encodings = ''): boolean =>
  encodings.split(',').every((encoding) => /^(identity)?$/i.test(encoding.trim()));

function readBody(
  request: FastifyRequest,
  budget: BodyBudget,
  done: (error: Error | null, body?: Buffer) => void,
): void {
  const { raw, bodyOwner } = request;
  const limit = request.routeOptions.bodyLimit;
  if (Number(request.headers['content-length']) > limit) return void done(new RejectedError('too_large'));
  const chunks: Buffer[] = [];
  let length = 0;

  function onData(chunk: Buffer): void {
    length += chunk.length;
    if (length > limit) return void end(new RejectedError('too_large'));
    const grown = Math.max(0, length - uncountedBytes) - request.bodyBytes;
    if (!budget.take(bodyOwner, grown)) return void end(new SemelError('overloaded'));
    request.bodyBytes += grown;
    chunks.push(chunk);
  }
  const onEnd = () => end(null);
  const onError = () => end(new RejectedError('malformed', 'The request ended before its body did'));

  function end(error: Error | null): void {
    raw.off('data', onData).off('end', onEnd).off('error', onError);
    done(error, error === null ? Buffer.concat(chunks, length) : undefined);
  }
  raw.on('data', onData).on('end', onEnd).on('error', onError);
}
