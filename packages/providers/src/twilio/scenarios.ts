import type { Scenario, ScenarioEvent } from '@semel/core';
import { hexAlphabet, randomText } from '../sample.js';

const newSid = () => `SM${randomText(32, hexAlphabet)}`;

/** The callbacks of one outbound message. */
const sent = (...statuses: string[]): ScenarioEvent[] => {
  const message = { id: newSid() };
  return statuses.map((status) => ({ type: `status:${status}`, overrides: message }));
};

const received = (type: string, body?: string): ScenarioEvent => ({
  type,
  overrides: { id: newSid(), ...(body === undefined ? {} : { Body: body }) },
});

export const scenarios: readonly Scenario[] = [
  {
    name: 'message-delivered',
    description: 'A message from the queue to the phone',
    events: () => sent('queued', 'sent', 'delivered'),
  },
  {
    name: 'message-failed',
    description: 'A message that the carrier could not deliver',
    events: () => sent('queued', 'sent', 'undelivered'),
  },
  {
    name: 'conversation-stop',
    description: 'A conversation that the client ends with STOP, and a message that fails for it',
    events: () => [
      ...sent('queued', 'sent', 'delivered'),
      received('inbound', 'Thank you, I will sign today.'),
      received('inbound:mms'),
      ...sent('queued', 'sent', 'delivered'),
      received('inbound:stop'),
      ...sent('queued', 'failed').map(withStopError),
    ],
  },
  {
    name: 'conversation-start',
    description: 'A client who wants no messages, and then wants them again',
    events: () => [
      received('inbound:stop'),
      received('inbound:start'),
      ...sent('queued', 'sending', 'sent', 'delivered', 'read'),
    ],
  },
];

/** Twilio's error for a number that has opted out. */
function withStopError(event: ScenarioEvent): ScenarioEvent {
  return event.type === 'status:failed'
    ? { ...event, overrides: { ...event.overrides, ErrorCode: '21610' } }
    : event;
}
