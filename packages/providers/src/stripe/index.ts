import type { Provider } from '@semel/core';
import { daysMs, exponential, hoursMs, secondsMs } from '../backoff.js';
import { jsonTextOf } from '../json.js';
import { changesOf } from './changes.js';
import { identify } from './identity.js';
import { samples } from './samples.js';
import { scenarios } from './scenarios.js';
import { refuseSecret } from './secret.js';
import { newSecret, sign } from './sign.js';
import { verify } from './signature.js';

/** https://docs.stripe.com/webhooks. In live mode Stripe retries for three days. */
export const stripe: Provider = {
  name: 'stripe',
  title: 'Stripe',
  routes: [{ path: '', channel: null }],
  bodyLimitBytes: 1024 * 1024,
  claimWindowMs: daysMs(4),
  retry: exponential(12, secondsMs(1), hoursMs(1)),
  ledger: {
    table: 'finance_stripe_webhook_events',
    keyColumns: ['stripe_event_id'],
    keyValues: (eventId) => [eventId],
    linkColumns: ['invoice_id', 'payment_id'],
  },
  verify,
  identify,
  changesOf,
  toJson: jsonTextOf,
  samples,
  scenarios,
  sign,
  newSecret,
  refuseSecret,
};
