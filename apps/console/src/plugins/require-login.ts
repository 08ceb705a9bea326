import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type CheckCredentials, parseBasic } from '../login/credentials.js';
import type { Sessions } from '../login/sessions.js';
import { sendProblem } from '../problem.js';
import { boardPath } from './board.js';
import { sessionCookie } from './login.js';

/** Routes, not paths: a path without a route needs a login too. */
const openRoutes = new Set(['/livez', '/readyz', '/metrics', '/login']);

export interface RequireLoginOptions {
  sessions: Sessions;
  check: CheckCredentials;
}

/** Requires a session or, at `/queues` and below, the password by HTTP Basic. Cookies must be parsed before this hook. */
export function requireLogin(app: FastifyInstance, { sessions, check }: RequireLoginOptions): void {
  app.addHook('onRequest', async (request, reply) => {
    if (openRoutes.has(request.routeOptions.url ?? '')) return;
    if (sessions.isValid(request.cookies[sessionCookie])) return;
    const basic = isOfBoard(request) ? parseBasic(request.headers.authorization) : null;
    if (basic === null) return refuse(request, reply);
    const verdict = check(request.ip, basic.user, basic.password);
    if (verdict.right) return;
    if (verdict.retryAfterSeconds === 0) return refuse(request, reply);
    reply.header('retry-after', String(verdict.retryAfterSeconds));
    return sendProblem(reply, 'rate_limited');
  });
}

/** Browsers attach Basic credentials to other sites' requests, so no route that writes may accept them: only these do. */
const isOfBoard = ({ routeOptions: { url } }: FastifyRequest) =>
  url === boardPath || url?.startsWith(`${boardPath}/`) === true;

function refuse(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { accept, authorization } = request.headers;
  const isNavigation =
    accept?.includes('text/html') === true && authorization === undefined && !isOfApi(request);
  if (isNavigation) return reply.redirect('/login', 303);
  reply.header('www-authenticate', 'Basic realm="Semel console", charset="UTF-8"');
  return sendProblem(reply, 'login_required');
}

const isOfApi = ({ url }: FastifyRequest) => url.startsWith(`${boardPath}/api`);
