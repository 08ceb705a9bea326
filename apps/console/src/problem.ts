import type { FastifyReply } from 'fastify';

const problems = {
  malformed: { status: 400, title: 'The request cannot be read' },
  login_required: { status: 401, title: 'Sign in first' },
  cross_site: { status: 403, title: 'Another site made this request' },
  not_found: { status: 404, title: 'There is nothing here' },
  read_only: { status: 405, title: 'The queues are only shown here; nothing changes them' },
  rate_limited: { status: 429, title: 'Too many wrong passwords; wait a little' },
  internal: { status: 500, title: 'This went wrong; the log says more' },
  unavailable: { status: 503, title: 'Redis or PostgreSQL cannot be reached' },
} as const;
export type ProblemCode = keyof typeof problems;

export const titleOf = (code: ProblemCode): string => problems[code].title;

/** `application/problem+json` (RFC 9457) with a stable code, and never an internal message. */
export function sendProblem(reply: FastifyReply, code: ProblemCode): FastifyReply {
  return reply
    .code(problems[code].status)
    .header('content-type', 'application/problem+json')
    .send(JSON.stringify({ ...problems[code], code }));
}
