import { withDeadline } from '@semel/core';
import { asObject, type JsonObject } from '../json.js';
import type { DocusignSdk, Failure } from './sdk.js';

/** How Semel signs in at DocuSign: the JWT grant, for a user who has consented. */
export interface DocusignCredentials {
  integrationKey: string;
  userId: string;
  /** PEM. */
  privateKey: string;
  /** `https://www.docusign.net/restapi`, of the account's own site. */
  basePath: string;
  /** `account.docusign.com`: a host without a scheme; the SDK always uses https. */
  oauthHost: string;
}

/**
 * `refused`: these credentials may not. `limited`: asked too often. `unknown`: there is no such envelope for them.
 * `away`: all else, such as timeouts. Without the SDK's own error, which has the token in it.
 */
export class EnvelopeReadError extends Error {
  constructor(
    readonly kind: 'refused' | 'limited' | 'unknown' | 'away',
    readonly status: number | null,
    /** How long DocuSign wants to be left alone, where it says so. */
    readonly retryAfterMs: number | null,
    detail: string,
  ) {
    super(`${kind}: ${detail}`);
    this.name = 'EnvelopeReadError';
  }
}

export interface EnvelopeReader {
  /** The envelope with its recipients, as a message with data would have it. Throws `EnvelopeReadError`. */
  read(account: string, envelopeId: string): Promise<JsonObject>;
}

/** A token lasts an hour; it is given up a minute early. */
const tokenSeconds = 3600;
const spareMs = 60_000;
const scopes = ['signature', 'impersonation'];

/** Asks by the official SDK, which is loaded with the first question: it is large, and most installations have no use for it. */
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
    // The question for a token takes its limit from there and from nowhere else.
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
        throw new EnvelopeReadError('away', null, null, 'no token in the answer');
      token = { text, untilMs: Date.now() + Number(seconds) * 1000 - spareMs };
    }
    client.addDefaultHeader('Authorization', `Bearer ${token.text}`);
    return new EnvelopesApi(client);
  }

  async function ask(account: string, envelopeId: string): Promise<JsonObject> {
    const api = await connect();
    const envelope = plain(await api.getEnvelope(account, envelopeId));
    const recipients = plain(await api.listRecipients(account, envelopeId));
    if (String(envelope?.envelopeId).toLowerCase() !== envelopeId.toLowerCase() || recipients === null)
      throw new EnvelopeReadError('away', null, null, 'the answer is about something else');
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
      return await ask(account, envelopeId); // a token can be taken back before its time
    }
  }

  return {
    async read(account, envelopeId) {
      await load(); // takes its while, and DocuSign has no part in it
      const late = () => new EnvelopeReadError('away', null, null, `no answer within ${timeoutMs} ms`);
      try {
        return await withDeadline(timeoutMs, askTwice(account, envelopeId), late);
      } catch (error) {
        throw toReadError(error);
      }
    },
  };
}

/** The SDK's models as the JSON that they were made from. */
const plain = (model: unknown): JsonObject | null => asObject(JSON.parse(JSON.stringify(model ?? null)));

function toReadError(error: unknown): EnvelopeReadError {
  if (error instanceof EnvelopeReadError) return error;
  const { response, code } = error as Failure;
  const status = response?.status ?? null;
  const word = [response?.data?.errorCode, response?.data?.error].find((each) => typeof each === 'string');
  const detail = word ?? code ?? (status === null ? 'no answer' : `HTTP ${status}`);
  const of = (kind: EnvelopeReadError['kind']) =>
    new EnvelopeReadError(kind, status, retryAfterMs(response?.headers), detail);
  if (
    status === 429 ||
    detail === 'HOURLY_APIINVOCATION_LIMIT_EXCEEDED' ||
    detail === 'BURST_APIINVOCATION_LIMIT_EXCEEDED'
  )
    return of('limited');
  if (status === 404 || detail === 'ENVELOPE_DOES_NOT_EXIST') return of('unknown');
  // 400 of the token's address: no consent, an unknown key; a key that is none is thrown by the SDK itself.
  const isRefused = status === 400 || status === 401 || status === 403 || isKeyError(error);
  return of(isRefused ? 'refused' : 'away');
}

const isKeyError = (error: unknown) =>
  error instanceof Error && /secretOrPrivateKey|PEM|DECODER|asymmetric key/i.test(error.message);

/** `Retry-After` in seconds, else DocuSign's own `X-RateLimit-Reset`: the second, since 1970, when it is over. */
function retryAfterMs(headers: Record<string, unknown> = {}): number | null {
  const [after, reset] = [Number(headers['retry-after']), Number(headers['x-ratelimit-reset'])];
  const ms = after > 0 ? after * 1000 : reset > 0 ? reset * 1000 - Date.now() : 0;
  return ms > 0 ? Math.min(ms, 3_600_000) : null;
}
