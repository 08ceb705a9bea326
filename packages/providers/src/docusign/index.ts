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
 * DocuSign Connect, JSON (restv2.1). If acknowledgement is required, retries last up to 15 days. The body limit is high because
 * a message may include the envelope's documents.
 */
export const docusign: Provider = {
  name: 'docusign',
  title: 'DocuSign',
  routes: [{ path: '', channel: null }],
  bodyLimitBytes: 25 * 1024 * 1024,
  claimWindowMs: daysMs(16),
  retry: exponential(15, secondsMs(5), hoursMs(6)),
  ledger: {
    table: 'esignature_webhook_events',
    keyColumns: ['event_id'],
    keyValues: (eventId) => [eventId],
    linkColumns: ['envelope_id'],
  },
  bodyChangesOnRetry: true, // `retryCount`
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
