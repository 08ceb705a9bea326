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
  /** The same in every attempt: the receiving side tells a second one by it. */
  id: string;
  body: string;
  signal: AbortSignal;
  allowPrivate: boolean;
}

/**
 * Sends one webhook, signed as https://www.standardwebhooks.com says. Returns when the answer is 2xx, throws `AnsweredError`
 * for any other: a redirect is not followed, for it could lead anywhere.
 */
export async function postWebhook(options: PostOptions): Promise<void> {
  const { id, body, secret, allowPrivate } = options;
  const url = new URL(options.url);
  if (!/^https?:$/.test(url.protocol)) throw new SemelError('destination_refused', 'only http and https are');
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
        agent: false, // a connection of its own, so that its address was looked at
        ...(sent.allowPrivate ? {} : { lookup: publicLookup }),
      },
      (answer) => {
        resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] });
        answer.destroy(); // what it says beyond that is of no interest, however long it is
      },
    );
    outgoing.on('error', reject);
    outgoing.end(sent.body);
  });
}
