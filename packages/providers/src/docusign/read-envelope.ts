import { withDeadline } from '@semel/core';
import { asObject, type JsonObject } from '../json.js';
import type { DocusignSdk, Failure } from './sdk.js';

/** Credentials for DocuSign's JWT grant; the user must have consented. */
export interface DocusignCredentials {
  integrationKey: string;
  userId: string;
  /** PEM. */
  privateKey: string;
  /** The base path of the account's site, such as `https://www.docusign.net/restapi`. */
  basePath: string;
  /** A host without a scheme, such as `account.docusign.com`; the SDK always uses https. */
  oauthHost: string;
}

/**
 * `refused`: the credentials lack permission. `limited`: the rate limit is reached. `unknown`: these credentials see no such
 * envelope. `away`: anything else, such as a timeout. Does not carry the SDK's own error, which contains the token.
 */
export class EnvelopeReadError extends Error {
  constructor(
    readonly kind: 'refused' | 'limited' | 'unknown' | 'away',
    readonly status: number | null,
    /** How long DocuSign asks to wait, if it says so. */
    readonly retryAfterMs: number | null,
    detail: string,
  ) {
    super(`${kind}: ${detail}`);
    this.name = 'EnvelopeReadError';
  }
}

export interface EnvelopeReader {
  /** The envelope with its recipients, in the form of a message with data. Throws `EnvelopeReadError`. */
  read(account: string, envelopeId: string): Promise<JsonObject>;
}

/** A token lasts an hour; it is renewed a minute early. */
const tokenSeconds = 3600;
const renewBeforeMs = 60_000;
const scopes = ['signature', 'impersonation'];

/** Reads envelopes with the official SDK. It is large and rarely needed, so the first read loads it. */
export function openEnvelopeReader(
  credentials: DocusignCredentials,
  { timeoutMs = 15_000 }: { timeoutMs?: number } = {},
): EnvelopeReader {
  let sdk: Promise<DocusignSdk> | undefined;
  let token: { text: string; untilMs: number } | undefined;

  const load = () => {
    sdk ??= import('docusign-esign').then((module) => module.default);
    return sdk;
  };

  async function connect() {
    const { ApiClient, EnvelopesApi } = await load();
    // The token request takes its timeout only from the prototype.
    ApiClient.prototype.timeout = timeoutMs;
    const client = new ApiClient({ basePath: credentials.basePath });
    client.timeout = timeoutMs;
    client.setOAuthBasePath(credentials.oauthHost);
    if (token === undefined || token.untilMs < Date.now()) {
      const { integrationKey, userId, privateKey } = credentials;
      const { body } = await client.requestJWTUserToken(
        integrationKey,
        userId,
        scopes,
        privateKey,
        tokenSeconds,
      );
      const { access_token: text, expires_in: seconds = tokenSeconds } = asObject(body) ?? {};
      if (typeof text !== 'string' || text === '')
        throw new EnvelopeReadError('away', null, null, 'the response has no token');
      token = { text, untilMs: Date.now() + Number(seconds) * 1000 - renewBeforeMs };
    }
    client.addDefaultHeader('Authorization', `Bearer ${token.text}`);
    return new EnvelopesApi(client);
  }

  async function ask(account: string, envelopeId: string): Promise<JsonObject> {
    const api = await connect();
    const envelope = plain(await api.getEnvelope(account, envelopeId));
    const recipients = plain(await api.listRecipients(account, envelopeId));
    if (String(envelope?.envelopeId).toLowerCase() !== envelopeId.toLowerCase() || recipients === null)
      throw new EnvelopeReadError('away', null, null, 'the response is about another envelope');
    return { ...envelope, recipients };
  }

  async function askTwice(account: string, envelopeId: string): Promise<JsonObject> {
    const hadToken = token !== undefined;
    try {
      return await ask(account, envelopeId);
    } catch (error) {
      if ((error as Failure).response?.status !== 401) throw error;
      token = undefined;
      if (!hadToken) throw error;
      return await ask(account, envelopeId); // a token can be revoked early
    }
  }

  return {
    async read(account, envelopeId) {
      await load(); // not part of the timeout
      const late = () => new EnvelopeReadError('away', null, null, `no answer within ${timeoutMs} ms`);
      try {
        return await withDeadline(timeoutMs, askTwice(account, envelopeId), late);
      } catch (error) {
        throw toReadError(error);
      }
    },
  };
}

/** Converts the SDK's models back to JSON. */
const plain = (model: unknown): JsonObject | null => asObject(JSON.parse(JSON.stringify(model ?? null)));

function toReadError(error: unknown): EnvelopeReadError {
  if (error instanceof EnvelopeReadError) return error;
  const { response, code } = error as Failure;
  const status = response?.status ?? null;
  const errorCode = [response?.data?.errorCode, response?.data?.error].find(
    (each) => typeof each === 'string',
  );
  const detail = errorCode ?? code ?? (status === null ? 'no answer' : `HTTP ${status}`);
  const of = (kind: EnvelopeReadError['kind']) =>
    new EnvelopeReadError(kind, status, retryAfterMs(response?.headers), detail);
  if (
    status === 429 ||
    detail === 'HOURLY_APIINVOCATION_LIMIT_EXCEEDED' ||
    detail === 'BURST_APIINVOCATION_LIMIT_EXCEEDED'
  )
    return of('limited');
  if (status === 404 || detail === 'ENVELOPE_DOES_NOT_EXIST') return of('unknown');
  // The token endpoint answers 400 for a missing consent or an unknown key; the SDK itself throws for an invalid key.
  const isRefused = status === 400 || status === 401 || status === 403 || isKeyError(error);
  return of(isRefused ? 'refused' : 'away');
}

const isKeyError = (error: unknown) =>
  error instanceof Error && /secretOrPrivateKey|PEM|DECODER|asymmetric key/i.test(error.message);

/** From `Retry-After` in seconds, else from DocuSign's `X-RateLimit-Reset`, a time in seconds since 1970. */
function retryAfterMs(headers: Record<string, unknown> = {}): number | null {
  const [after, reset] = [Number(headers['retry-after']), Number(headers['x-ratelimit-reset'])];
  const ms = after > 0 ? after * 1000 : reset > 0 ? reset * 1000 - Date.now() : 0;
  return ms > 0 ? Math.min(ms, 3_600_000) : null;
}
