import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { CheckCredentials } from '../login/credentials.js';
import { isSameOrigin } from '../login/same-origin.js';
import { type Sessions, sessionMs } from '../login/sessions.js';
import { homePage } from '../pages/home-page.js';
import { loginPage } from '../pages/login-page.js';
import { sendProblem, titleOf } from '../problem.js';

export const sessionCookie = 'semel_session';

export interface LoginOptions {
  sessions: Sessions;
  check: CheckCredentials;
}

/** `GET /login`, `POST /login`, `POST /logout` and the home page. */
export async function login(app: FastifyInstance, { sessions, check }: LoginOptions): Promise<void> {
  await app.register(formbody);
  app.addHook('onRequest', async (request, reply) => {
    if (request.method === 'POST' && !isSameOrigin(request.headers)) return sendProblem(reply, 'cross_site');
  });

  app.get('/', async (_request, reply) => reply.type('text/html').send(homePage));
  app.get('/login', async (_request, reply) => reply.type('text/html').send(loginPage()));

  app.post('/login', { bodyLimit: 8_192 }, async (request, reply) => {
    const { username, password } = (request.body ?? {}) as Record<string, unknown>;
    const verdict = check(request.ip, textOf(username), textOf(password));
    if (verdict.right) {
      reply.setCookie(sessionCookie, sessions.issue(), cookieOptions(request));
      return reply.redirect('/', 303);
    }
    reply.type('text/html');
    if (verdict.retryAfterSeconds === 0) return reply.code(401).send(loginPage('Wrong user or password.'));
    reply.header('retry-after', String(verdict.retryAfterSeconds));
    return reply.code(429).send(loginPage(`${titleOf('rate_limited')}.`));
  });

  app.post('/logout', async (request, reply) => {
    reply.clearCookie(sessionCookie, cookieOptions(request));
    return reply.redirect('/login', 303);
  });
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const cookieOptions = (request: FastifyRequest) => ({
  path: '/',
  httpOnly: true,
  sameSite: 'strict' as const,
  maxAge: sessionMs / 1_000,
  secure: isHttps(request),
});

/** A forged `X-Forwarded-Proto` is harmless: it only makes the sender's own cookie HTTPS-only. */
function isHttps({ protocol, headers }: FastifyRequest): boolean {
  const [forwarded] = String(headers['x-forwarded-proto'] ?? '').split(',');
  return protocol === 'https' || forwarded?.trim().toLowerCase() === 'https';
}
