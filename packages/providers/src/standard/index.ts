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

/**
 * Any service that signs as https://www.standardwebhooks.com specifies, with one endpoint per service. The retry schedule that
 * the specification suggests ends after about three days.
 */
export const standard: Provider = {
  name: 'standard',
  title: 'Standard Webhooks',
  routes: [{ path: '', channel: null }],
  bodyLimitBytes: 1024 * 1024,
  claimWindowMs: daysMs(5),
  idScope: 'endpoint',
  retry: exponential(12, secondsMs(1), hoursMs(1)),
  ledger: {
    table: 'standard_webhook_events',
    keyColumns: ['event_id'],
    keyValues: (eventId) => [eventId],
    linkColumns: [],
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
