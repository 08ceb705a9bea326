import type Stripe from 'stripe';
import type { DocusignEvent } from './docusign.js';
import type { SquareEvent } from './square.js';
import type { TwilioEvent } from './twilio.js';

/** Any JSON object: an event without a more exact type. */
export type JsonEvent = Record<string, unknown>;

/** `invoice.*` stands for every type that begins with `invoice.`, `*` for every type. */
type Meant<Type extends string> = Type extends '*'
  ? string
  : Type extends `${infer Prefix}*`
    ? `${Prefix}${string}`
    : Type;

type StripeEvent<Type extends string> = Extract<Stripe.Event, { type: Meant<Type> }>;

/** The body of an event, typed by provider and type: Stripe's own types for Stripe, ours for the others. */
export type EventOf<Provider extends string, Type extends string> = Provider extends 'stripe'
  ? [StripeEvent<Type>] extends [never]
    ? JsonEvent // a type that this version of the SDK does not know
    : StripeEvent<Type>
  : Provider extends 'square'
    ? SquareEvent<Meant<Type>>
    : Provider extends 'docusign'
      ? DocusignEvent<Meant<Type>>
      : Provider extends 'twilio'
        ? TwilioEvent
        : JsonEvent;

type Known = {
  stripe: Stripe.Event['type'];
  square:
    | 'invoice.created'
    | 'invoice.published'
    | 'invoice.updated'
    | 'invoice.payment_made'
    | 'invoice.canceled';
  docusign:
    | 'envelope-sent'
    | 'envelope-delivered'
    | 'envelope-completed'
    | 'envelope-declined'
    | 'envelope-voided';
  twilio:
    | 'inbound'
    | 'status:*'
    | 'status:sent'
    | 'status:delivered'
    | 'status:undelivered'
    | 'status:failed';
};

/** The types that an editor suggests; any other string is allowed too. */
export type TypeOf<Provider extends string> =
  | (Provider extends keyof Known ? Known[Provider] : never)
  | '*'
  | (string & {});

/** The providers that an editor suggests; any other string is allowed too. */
export type ProviderName = keyof Known | (string & {});
