import type { Provider } from '@semel/core';
import { hoursMs, minutesMs, secondsMs, steps } from '../backoff.js';
import { changesOf } from './changes.js';
import { identify } from './identity.js';
import { keyValues } from './ledger-key.js';
import { samples } from './samples.js';
import { refuseSecret } from './secret.js';
import { newSecret, sign } from './sign.js';
import { verify } from './signature.js';
import { signatureHint } from './signature-hint.js';
import { stories } from './stories.js';
import { toJson } from './to-json.js';

/**
 * Twilio Messaging: status callbacks and inbound messages. Either may come in by either path. An inbound message must
 * be answered with TwiML, or Twilio raises error 12300. There are no long retries: a callback that is missed is gone.
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
  stories,
  sign,
  newSecret,
  refuseSecret,
};
