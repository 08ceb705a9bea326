import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { SemelError } from '@semel/core';
import { Webhook } from 'standardwebhooks';
import { AnsweredError } from './answered-error.js';
import { assertPublicHost, publicLookup } from './public-address.js';
import { retryAfterMs } from './retry-after.js';

export interface PostOptions {
  url: string;
  /** `whsec_` and base64. */
  secret: string;
  /** The same in every attempt, so that the receiver can recognise a repeated delivery. */
  id: string;
  body: string;
  signal: AbortSignal;
  allowPrivate: boolean;
}

/**
 * Sends one webhook, signed as in https://www.standardwebhooks.com. Throws `AnsweredError` if the answer is not 2xx. Redirects are
 * not followed: they could lead to a private address.
 */
export async function postWebhook(options: PostOptions): Promise<void> {
  const { id, body, secret, allowPrivate } = options;
  const url = new URL(options.url);
  if (!/^https?:$/.test(url.protocol))
    throw new SemelError('destination_refused', 'the URL is neither http nor https');
  if (!allowPrivate) assertPublicHost(url);
  const sentAt = new Date();
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'Semel',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, sentAt, body),
  };
  const { status, retryAfter } = await answerOf(url, { headers, body, signal: options.signal, allowPrivate });
  if (status < 200 || status > 299) throw new AnsweredError(status, retryAfterMs(retryAfter, Date.now()));
}

function answerOf(
  url: URL,
  sent: {
    headers: Record<string, string | number>;
    body: string;
    signal: AbortSignal;
    allowPrivate: boolean;
  },
): Promise<{ status: number; retryAfter: string | undefined }> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method: 'POST',
        headers: sent.headers,
        signal: sent.signal,
        agent: false, // a new connection, so that its address is checked
        ...(sent.allowPrivate ? {} : { lookup: publicLookup }),
      },
      (answer) => {
        resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] });
        answer.destroy(); // the rest of the answer is not needed
      },
    );
    outgoing.on('error', reject);
    outgoing.end(sent.body);
  });
}
