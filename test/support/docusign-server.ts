import { generateKeyPairSync, verify } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, globalAgent } from 'node:https';
import type { AddressInfo } from 'node:net';

/** For `localhost` only, and public: the SDK always requests its token by https. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUTazQ3cxEqrLn1bL49KzxTr09tO4wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDA4MjUzNloYDzIxMjYxMDMx
MDgyNTM2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQp7qwtw+niJzuNdGG5UDuK6ZN5m1diVLsKYAgr+qvbj3Z9n/mdHc4w
q7yXXI2la1aAGVbRlNiwuB0Eo/3v/4TXo28wbTAdBgNVHQ4EFgQUa+OWFTP19QZ8
uzpYCfgUxkx9M8QwHwYDVR0jBBgwFoAUa+OWFTP19QZ8uzpYCfgUxkx9M8QwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAPeDRBA7Nf7HyI8sbbydIh65zN+zQ/j5jlH9z7m9e6pMAiEA
k9/vISavoh+C+db3JRhGfLqWop//j+qnOOr0gkgLhG0=
-----END CERTIFICATE-----`;
const certificateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbzle1oU5CvWjdgvP
cwQ8iTZO8DF81DkpSKA8uVfcfMahRANCAAQp7qwtw+niJzuNdGG5UDuK6ZN5m1di
VLsKYAgr+qvbj3Z9n/mdHc4wq7yXXI2la1aAGVbRlNiwuB0Eo/3v/4TX
-----END PRIVATE KEY-----`;

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** Never answers. */
  silent?: boolean;
}

/** The request: `token`, `envelope` or `recipients`, and its default answer. */
export type Answerer = (what: string, envelopeId: string, usual: Answer) => Answer;

/** A DocuSign server for the real SDK: the token endpoint, `getEnvelope` and `listRecipients`. */
export async function startDocusign(t: { teardown(end: () => Promise<void>): void }) {
  const asked: string[] = [];
  const envelopes = new Map<string, { envelope: object; recipients: object }>();
  let answerer: Answerer = (_what, _id, usual) => usual;

  const server = createServer({ cert: certificate, key: certificateKey }, async (request, response) => {
    const { what, envelopeId, usual } = await usualAnswer(request);
    asked.push(`${what}${envelopeId ? ` ${envelopeId}` : ''}`);
    answer(response, answerer(what, envelopeId, usual));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  const trusted = globalAgent.options.ca;
  globalAgent.options.ca = certificate;
  t.teardown(async () => {
    if (trusted === undefined) delete globalAgent.options.ca;
    else globalAgent.options.ca = trusted;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    globalAgent.destroy();
  });

  async function usualAnswer(request: IncomingMessage) {
    let body = '';
    for await (const chunk of request) body += chunk;
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (path === '/oauth/token')
      return {
        what: 'token',
        envelopeId: '',
        usual: isSigned(new URLSearchParams(body).get('assertion') ?? '')
          ? { body: { access_token: `token-${asked.length}`, token_type: 'Bearer', expires_in: 3600 } }
          : { status: 400, body: { error: 'invalid_grant' } },
      };
    const [, envelopeId = '', more] =
      /^\/restapi\/v2\.1\/accounts\/[\w-]+\/envelopes\/([\w-]+)(\/recipients)?$/.exec(path) ?? [];
    const found = envelopes.get(envelopeId);
    const usual: Answer = !request.headers.authorization?.startsWith('Bearer token-')
      ? { status: 401, body: { errorCode: 'USER_AUTHENTICATION_FAILED' } }
      : found === undefined
        ? { status: 404, body: { errorCode: 'ENVELOPE_DOES_NOT_EXIST' } }
        : { body: more === undefined ? found.envelope : found.recipients };
    return { what: more === undefined ? 'envelope' : 'recipients', envelopeId, usual };
  }

  return {
    asked,
    envelopes,
    /** Replaces the usual answers. */
    answerWith(other: Answerer) {
      answerer = other;
    },
    credentials: {
      integrationKey: '00000000-0000-4000-8000-00000000001c',
      userId: '00000000-0000-4000-8000-0000000000ff',
      privateKey,
      basePath: `https://${host}/restapi`,
      oauthHost: host,
    },
  };
}

export type DocusignServer = Awaited<ReturnType<typeof startDocusign>>;

/** The assertion is our JWT: signed with the key, for this user. */
function isSigned(assertion: string): boolean {
  const [header = '', payload = '', signature = ''] = assertion.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString() || '{}');
  return (
    claims.scope === 'signature impersonation' &&
    claims.sub === '00000000-0000-4000-8000-0000000000ff' &&
    verify('RSA-SHA256', Buffer.from(`${header}.${payload}`), publicKey, Buffer.from(signature, 'base64url'))
  );
}

function answer(response: ServerResponse, { status = 200, headers = {}, body = {}, silent }: Answer): void {
  if (silent) return;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
