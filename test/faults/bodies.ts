import { createHash, createHmac } from 'node:crypto';

// What the four providers send and how they sign it, written from their documentation; no code is shared with the
// product.

export const providerNames = ['stripe', 'square', 'docusign', 'twilio'] as const;
export type ProviderName = (typeof providerNames)[number];

/** Each object has two events: one early in its life, one at its end. */
export type Step = 'early' | 'final';

export interface EventFacts {
  provider: ProviderName;
  step: Step;
  /** Unique in the run: 32 lower-case hex digits. */
  objectHex: string;
  /** Unique per event: 32 lower-case hex digits. */
  eventHex: string;
  /** Minor units. */
  amount: number;
  account: string;
  /** When the object was made, seconds since 1970. */
  madeAt: number;
  /** A mark that makes a rule throw, or ''. */
  mark: string;
}

export interface Request {
  path: string;
  headers: Record<string, string>;
  body: string | Buffer;
}

/** The table and id of an event's object, and its final state. */
export interface ExpectedObject {
  table: 'finance_invoices' | 'finance_payments' | 'esignature_envelopes' | 'sms_messages';
  externalId: string;
  finalStatus: string;
  earlyStatus: string;
}

interface Shape {
  eventId(facts: EventFacts): string;
  object(facts: EventFacts): ExpectedObject;
  /** `retry` counts from 0. */
  body(facts: EventFacts, retry: number): string;
  contentType: string;
  route: string;
  sign(body: string, url: string, secret: string): Record<string, string>;
}

const iso = (seconds: number) => new Date(seconds * 1000).toISOString();
const stepTime = ({ madeAt, step }: EventFacts) => madeAt + (step === 'final' ? 60 : 0);
const hmac = (algorithm: string, key: string, text: string, encoding: 'hex' | 'base64') =>
  createHmac(algorithm, key).update(text).digest(encoding);
const uuid = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

const stripe: Shape = {
  eventId: ({ eventHex }) => `evt_${eventHex}`,
  object: ({ objectHex }) => ({
    table: 'finance_invoices',
    externalId: `in_${objectHex}`,
    earlyStatus: 'open',
    finalStatus: 'paid',
  }),
  body(facts) {
    const { amount, step, objectHex, mark } = facts;
    const paid = step === 'final' ? amount : 0;
    return JSON.stringify({
      id: this.eventId(facts),
      object: 'event',
      api_version: '2025-03-31.basil',
      created: stepTime(facts),
      livemode: false,
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
      type: step === 'final' ? 'invoice.paid' : 'invoice.finalized',
      data: {
        object: {
          id: `in_${objectHex}`,
          object: 'invoice',
          number: mark || 'SMP-1',
          status: step === 'final' ? 'paid' : 'open',
          amount_due: amount,
          amount_paid: paid,
          amount_remaining: amount - paid,
          currency: 'usd',
          customer: `cus_${objectHex.slice(0, 14)}`,
        },
      },
    });
  },
  contentType: 'application/json; charset=utf-8',
  route: '',
  sign(body, _url, secret) {
    const t = Math.floor(Date.now() / 1000); // each attempt has its own timestamp
    return { 'stripe-signature': `t=${t},v1=${hmac('sha256', secret, `${t}.${body}`, 'hex')}` };
  },
};

const square: Shape = {
  eventId: ({ eventHex }) => uuid(eventHex),
  object: ({ objectHex }) => ({
    table: 'finance_payments',
    externalId: `sqp${objectHex}`,
    earlyStatus: 'APPROVED',
    finalStatus: 'COMPLETED',
  }),
  body(facts) {
    const { amount, step, objectHex, account, mark } = facts;
    const payment = {
      id: `sqp${objectHex}`,
      created_at: iso(facts.madeAt),
      updated_at: iso(stepTime(facts)),
      amount_money: { amount, currency: 'USD' },
      status: step === 'final' ? 'COMPLETED' : 'APPROVED',
      source_type: 'CARD',
      location_id: 'L0000000000001',
      note: mark,
    };
    return JSON.stringify({
      merchant_id: account,
      type: step === 'final' ? 'payment.updated' : 'payment.created',
      event_id: this.eventId(facts),
      created_at: iso(stepTime(facts)),
      data: { type: 'payment', id: payment.id, object: { payment } },
    });
  },
  contentType: 'application/json',
  route: '',
  sign: (body, url, secret) => ({
    'x-square-hmacsha256-signature': hmac('sha256', secret, url + body, 'base64'),
  }),
};

const docusign: Shape = {
  eventId: (facts) => {
    const name = [facts.account, '1', uuid(facts.objectHex), '', envelopeEvent(facts), iso(stepTime(facts))];
    return `ds_${createHash('sha256').update(JSON.stringify(name)).digest('hex').slice(0, 40)}`;
  },
  object: ({ objectHex }) => ({
    table: 'esignature_envelopes',
    externalId: uuid(objectHex),
    earlyStatus: 'sent',
    finalStatus: 'completed',
  }),
  body(facts, retry) {
    const envelopeId = uuid(facts.objectHex);
    return JSON.stringify({
      event: envelopeEvent(facts),
      apiVersion: 'v2.1',
      uri: `/restapi/v2.1/accounts/${facts.account}/envelopes/${envelopeId}`,
      retryCount: retry, // the body, and the signature with it, changes at every attempt
      configurationId: 1,
      generatedDateTime: iso(stepTime(facts)),
      data: {
        accountId: facts.account,
        envelopeId,
        envelopeSummary: {
          status: facts.step === 'final' ? 'completed' : 'sent',
          emailSubject: `Please sign ${facts.mark}`,
          statusChangedDateTime: iso(stepTime(facts)),
        },
      },
    });
  },
  contentType: 'application/json; charset=utf-8',
  route: '',
  sign: (body, _url, secret) => ({ 'x-docusign-signature-1': hmac('sha256', secret, body, 'base64') }),
};

const envelopeEvent = ({ step }: EventFacts) => (step === 'final' ? 'envelope-completed' : 'envelope-sent');

const twilio: Shape = {
  eventId: (facts) => `SM${facts.objectHex}.${messageStatus(facts)}`,
  object: ({ objectHex }) => ({
    table: 'sms_messages',
    externalId: `SM${objectHex}`,
    earlyStatus: 'sent',
    finalStatus: 'delivered',
  }),
  body(facts) {
    const sid = `SM${facts.objectHex}`;
    const status = messageStatus(facts);
    return new URLSearchParams({
      AccountSid: facts.account,
      ApiVersion: '2010-04-01',
      From: '+12015550100',
      MessageSid: sid,
      MessageStatus: status,
      SmsSid: sid,
      SmsStatus: status,
      // Each event has its own conversation, so that no two firms share rows.
      To: `+1${BigInt(`0x${facts.objectHex.slice(0, 16)}`)}`,
      ...(facts.mark === '' ? {} : { Mark: facts.mark }),
    }).toString();
  },
  contentType: 'application/x-www-form-urlencoded',
  route: '/status',
  sign(body, url, secret) {
    const pairs = [...new URLSearchParams(body)].sort(([a], [b]) => (a < b ? -1 : 1));
    return { 'x-twilio-signature': hmac('sha1', secret, url + pairs.flat().join(''), 'base64') };
  },
};

const messageStatus = ({ step }: EventFacts) => (step === 'final' ? 'delivered' : 'sent');

const shapes: Record<ProviderName, Shape> = { stripe, square, docusign, twilio };

export const eventIdOf = (facts: EventFacts): string => shapes[facts.provider].eventId(facts);
export const objectOf = (facts: EventFacts): ExpectedObject => shapes[facts.provider].object(facts);

/** One attempt at delivery, signed now. */
export function requestOf(
  facts: EventFacts,
  { endpointKey, secret, publicBaseUrl, retry }: Target & { retry: number },
): Request {
  const shape = shapes[facts.provider];
  const path = `/webhooks/${facts.provider}/${endpointKey}${shape.route}`;
  const body = shape.body(facts, retry);
  return {
    path,
    headers: { 'content-type': shape.contentType, ...shape.sign(body, publicBaseUrl + path, secret) },
    body,
  };
}

export interface Target {
  endpointKey: string;
  secret: string;
  publicBaseUrl: string;
}
