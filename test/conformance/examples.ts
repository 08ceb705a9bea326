import { createHash, randomUUID } from 'node:crypto';
import { listShared, readExample, readShared } from '../support/conformance-data.js';

/** One real example, as a delivery. */
export interface Example {
  provider: string;
  channel: string | null;
  /** The file that it is from. */
  name: string;
  body: Buffer;
  /** What was changed before posting, and why; null: nothing. */
  adapted: string | null;
}

/** A real example that the provider would not send to a receiver, and why. */
export interface LeftOut {
  name: string;
  because: string;
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** A deterministic id in Stripe's format for a name. */
const stripeId = (name: string) => `evt_${createHash('sha256').update(name).digest('hex').slice(0, 24)}`;

/** `event.json` is an event; the others are resources, each wrapped in its own event. Thin events are complete. */
export function stripeExamples(): Example[] {
  const envelope = readExample('stripe', 'event.json');
  const of = (name: string, value: unknown, adapted: string | null): Example => ({
    provider: 'stripe',
    channel: null,
    name: `stripe/${name}`,
    body: json(value),
    adapted,
  });
  const resources = listShared('events', 'stripe').filter((name) => name !== 'event.json');
  const thin = listShared('events', 'stripe', 'thin');
  return [
    {
      ...of('event.json', null, null),
      body: Buffer.from(readShared('events', 'stripe', 'event.json')),
    },
    ...resources.map((name) => {
      const object = readExample('stripe', name);
      const event = { ...envelope, id: stripeId(name), type: `${object.object}.updated`, data: { object } };
      return of(name, event, 'it is a resource: it stands in an event, with an id of its own');
    }),
    ...thin.map((name) => {
      const event = readExample('stripe', 'thin', name);
      const body = Buffer.from(readShared('events', 'stripe', 'thin', name));
      return /^evt_[A-Za-z0-9_]+$/.test(event.id)
        ? { ...of(`thin/${name}`, null, null), body }
        : of(`thin/${name}`, { ...event, id: stripeId(name) }, `its id is a placeholder: ${event.id}`);
    }),
  ];
}

export function squareExamples(): Example[] {
  return listShared('events', 'square').flatMap((name) => {
    const example = readExample('square', name);
    const events: { type: string }[] = example.events ?? [example];
    return events.map((event) => ({
      provider: 'square',
      channel: null,
      name: `square/${name}${example.events ? `: ${event.type}` : ''}`,
      body: json({ ...event, event_id: randomUUID() }),
      adapted: 'the documentation uses one event_id several times',
    }));
  });
}

export function docusignExamples(): Example[] {
  return listShared('events', 'docusign').map((name) => {
    const text = readShared('events', 'docusign', name);
    const message = JSON.parse(text);
    const named = message.event !== '';
    return {
      provider: 'docusign',
      channel: null,
      name: `docusign/${name}`,
      body: named ? Buffer.from(text) : json({ ...message, event: 'envelope-completed' }),
      adapted: named ? null : 'the official sample of every field leaves the name of its event empty',
    };
  });
}

export function twilioExamples(): { examples: Example[]; leftOut: LeftOut[] } {
  const of = (name: string, channel: string, text: string, adapted: string | null = null): Example => ({
    provider: 'twilio',
    channel,
    name: `twilio/${name}`,
    body: Buffer.from(text.trimEnd()),
    adapted,
  });
  const alerts = listShared('events', 'twilio', 'monitor').map((name) => ({
    name,
    form: readExample('twilio', 'monitor', name).request_variables as unknown,
  }));
  const aboutMessages = alerts.filter(({ form }) => /(^|&)MessageSid=/.test(String(form ?? '')));
  return {
    examples: [
      ...listShared('events', 'twilio')
        .filter((name) => name.endsWith('.form.txt'))
        .map((name) => of(name, 'inbound', readShared('events', 'twilio', name))),
      ...listShared('events', 'twilio', 'synthetic').map((name) =>
        of(`synthetic/${name}`, 'status', readShared('events', 'twilio', 'synthetic', name)),
      ),
      ...aboutMessages.map(({ name, form }) =>
        of(
          `monitor/${name}`,
          /(^|&)MessageStatus=/.test(String(form)) ? 'status' : 'inbound',
          String(form),
          'it is the form that the alert keeps',
        ),
      ),
    ],
    leftOut: alerts
      .filter((alert) => !aboutMessages.includes(alert))
      .map(({ name, form }) => ({
        name: `twilio/monitor/${name}`,
        because: form ? 'it is about a call, and no message' : 'the alert keeps no form',
      })),
  };
}
