import { createHash, randomBytes } from 'node:crypto';
import type { Provider } from '@semel/core';
import { Webhook } from 'standardwebhooks';

/**
 * By the library, which signs text: the body must be UTF-8. Where the delivery has no `webhook-id`, the body gives it:
 * so the same sample, sent again, is the same event.
 */
export const sign: Provider['sign'] = (delivery, { secret, nowMs }) => {
  const id = delivery.headers['webhook-id'] ?? `msg_${hexOf(delivery.body).slice(0, 32)}`;
  const signature = new Webhook(secret).sign(id, new Date(nowMs), delivery.body.toString('utf8'));
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

const hexOf = (body: Buffer) => createHash('sha256').update(body).digest('hex');

export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
