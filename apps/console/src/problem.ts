import type { FastifyReply } from 'fastify';

const problems = {
  malformed: { status: 400, title: 'The request is malformed' },
  login_required: { status: 401, title: 'Sign in first' },
  cross_site: { status: 403, title: 'Another site made this request' },
  not_found: { status: 404, title: 'This page does not exist' },
  read_only: { status: 405, title: 'The queues are read-only here' },
  rate_limited: { status: 429, title: 'Too many wrong passwords; wait a minute' },
  internal: { status: 500, title: 'An internal error occurred; see the log' },
  unavailable: { status: 503, title: 'Redis or PostgreSQL cannot be reached' },
} as const;
export type ProblemCode = keyof typeof problems;

export const titleOf = (code: ProblemCode): string => problems[code].title;

/** Sends `application/problem+json` (RFC 9457) with a stable code; never the message of an internal error. */
export function sendProblem(reply: FastifyReply, code: ProblemCode): FastifyReply {
  return reply
    .code(problems[code].status)
    .header('content-type', 'application/problem+json')
    .send(JSON.stringify({ ...problems[code], code }));
}
