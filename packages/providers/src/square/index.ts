import type { Provider } from '@semel/core';
import { exponential, hoursMs, minutesMs, secondsMs } from '../backoff.js';
import { jsonTextOf } from '../json.js';
import { changesOf } from './changes.js';
import { identify } from './identity.js';
import { samples } from './samples.js';
import { scenarios } from './scenarios.js';
import { refuseSecret } from './secret.js';
import { newSecret, sign } from './sign.js';
import { verify } from './signature.js';

/** https://developer.squareup.com/docs/webhooks/overview. Square retries for 24 hours. */
export const square: Provider = {
  name: 'square',
  title: 'Square',
  routes: [{ path: '', channel: null }],
  bodyLimitBytes: 1024 * 1024,
  claimWindowMs: hoursMs(48),
  retry: exponential(10, secondsMs(1), minutesMs(30)),
  ledger: {
    table: 'finance_square_webhook_events',
    keyColumns: ['square_event_id'],
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
