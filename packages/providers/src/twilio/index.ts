import type { Provider } from '@semel/core';
import { hoursMs, minutesMs, secondsMs, steps } from '../backoff.js';
import { changesOf } from './changes.js';
import { identify } from './identity.js';
import { keyValues } from './ledger-key.js';
import { samples } from './samples.js';
import { scenarios } from './scenarios.js';
import { refuseSecret } from './secret.js';
import { newSecret, sign } from './sign.js';
import { verify } from './signature.js';
import { signatureHint } from './signature-hint.js';
import { toJson } from './to-json.js';

/**
 * Twilio Messaging: status callbacks and inbound messages, each accepted on both paths. The response to an inbound message must
 * be TwiML, or Twilio reports error 12300. Twilio does not retry for long: a missed callback is lost.
 */
export const twilio: Provider = {
  name: 'twilio',
  title: 'Twilio',
  routes: [
    { path: '/status', channel: 'status' },
    { path: '/inbound', channel: 'inbound' },
  ],
  bodyLimitBytes: 1024 * 1024,
  claimWindowMs: hoursMs(25),
  retry: steps(8, [
    500,
    secondsMs(2),
    secondsMs(10),
    secondsMs(30),
    minutesMs(2),
    minutesMs(5),
    minutesMs(15),
  ]),
  ledger: {
    table: 'sms_webhook_events',
    keyColumns: ['twilio_message_sid', 'webhook_type'],
    keyValues,
    linkColumns: ['message_id', 'conversation_id'],
  },
  verify,
  signatureHint,
  identify,
  replyTo: ({ type }) => (type === 'inbound' ? 'twiml' : 'json'),
  changesOf,
  toJson,
  samples,
  scenarios,
  sign,
  newSecret,
  refuseSecret,
};
