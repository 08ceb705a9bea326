import { isUtf8 } from 'node:buffer';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Provider } from '@semel/core';
import { Webhook } from 'standardwebhooks';
import { keyOf } from './signature.js';

/**
 * Signs with the library if possible: it signs only text, and throws on a secret that is not base64. A missing `webhook-id` is
 * derived from the body, so that the same sample sent again is the same event.
 */
export const sign: Provider['sign'] = (delivery, { secret, nowMs }) => {
  const id = delivery.headers['webhook-id'] ?? `msg_${hexOf(delivery.body).slice(0, 32)}`;
  const signature =
    isUtf8(delivery.body) && keyOf(secret) !== null
      ? new Webhook(secret).sign(id, new Date(nowMs), delivery.body.toString('utf8'))
      : signBytes(secret, `${id}.${Math.floor(nowMs / 1000)}.`, delivery.body);
  return {
    ...delivery,
    headers: {
      ...delivery.headers,
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(nowMs / 1000)),
      'webhook-signature': signature,
    },
  };
};

function signBytes(secret: string, before: string, body: Buffer): string {
  const hmac = createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'));
  return `v1,${hmac.update(before).update(body).digest('base64')}`;
}

const hexOf = (body: Buffer) => createHash('sha256').update(body).digest('hex');

export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
