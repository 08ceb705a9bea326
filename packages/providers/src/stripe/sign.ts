import { randomBytes } from 'node:crypto';
import type { Provider } from '@semel/core';
import Stripe from 'stripe';

/** Signs with the SDK, which signs text: the body must be UTF-8 without a byte order mark. */
export const sign: Provider['sign'] = (delivery, { secret, nowMs }) => ({
  ...delivery,
  headers: {
    ...delivery.headers,
    'stripe-signature': Stripe.webhooks.generateTestHeaderString({
      payload: delivery.body.toString('utf8'),
      secret,
      timestamp: Math.floor(nowMs / 1000),
    }),
  },
});

export const newSecret = (): string => `whsec_${randomBytes(24).toString('hex')}`;
