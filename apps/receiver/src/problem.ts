import type { Socket } from 'node:net';
import { errorCatalogue, RejectedError, type RejectionCode, SemelError } from '@semel/core';
import type { FastifyError, FastifyReply } from 'fastify';

/** Fastify's error codes as Semel's. */
const fastifyCodes: Record<string, RejectionCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'malformed',
  FST_ERR_BAD_URL: 'unknown_endpoint',
  FST_ERR_MAX_PARAM_LENGTH: 'unknown_endpoint',
};

/** Hides an error's details from the caller. Whatever is not the sender's fault becomes 503, so that the sender retries. */
export function toProblem(error: unknown): SemelError {
  if (error instanceof SemelError && errorCatalogue[error.code].status !== null) return error;
  const { code, statusCode } = error as Partial<FastifyError>;
  const known = typeof code === 'string' ? fastifyCodes[code] : undefined;
  if (known !== undefined) return new RejectedError(known);
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return new RejectedError('malformed');
  return new SemelError('unavailable', undefined, { cause: error });
}

export const statusOf = (problem: SemelError): number => errorCatalogue[problem.code].status ?? 503;

const bodyOf = (problem: SemelError): string =>
  JSON.stringify({
    status: statusOf(problem),
    code: problem.code,
    title: errorCatalogue[problem.code].title,
    detail: problem.detail,
  });

/** `application/problem+json` (RFC 9457) with our stable code. */
export function sendProblem(reply: FastifyReply, problem: SemelError): FastifyReply {
  const status = statusOf(problem);
  if (status === 503 || status === 429) reply.header('retry-after', '5');
  return reply
    .code(status)
    .header('content-type', 'application/problem+json')
    .header('x-webhook-outcome', status === 503 ? 'unavailable' : 'rejected')
    .send(bodyOf(problem));
}

/** Answers bytes that are not an HTTP request, directly on the socket. */
export function refuseConnection(socket: Socket): void {
  if (!socket.writable) return void socket.destroy();
  const body = bodyOf(new RejectedError('malformed', 'The bytes received are not a valid HTTP request'));
  const head = [
    'HTTP/1.1 400 Bad Request',
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'x-webhook-outcome: rejected',
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
