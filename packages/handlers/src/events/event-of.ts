import type Stripe from 'stripe';
import type { DocusignEvent } from './docusign.js';
import type { SquareEvent } from './square.js';
import type { TwilioEvent } from './twilio.js';

/** Any JSON object: what an event is of which no more is known. */
export type JsonEvent = Record<string, unknown>;

/** `invoice.*` means every type that begins with `invoice.`, and `*` every one. */
type Meant<Type extends string> = Type extends '*'
  ? string
  : Type extends `${infer Prefix}*`
    ? `${Prefix}${string}`
    : Type;

type StripeEvent<Type extends string> = Extract<Stripe.Event, { type: Meant<Type> }>;

/** The body of an event, typed by provider and type: Stripe's own types for Stripe, ours for the others. */
export type EventOf<Provider extends string, Type extends string> = Provider extends 'stripe'
  ? [StripeEvent<Type>] extends [never]
    ? JsonEvent // newer than the SDK that the types come from
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

/** The types that an editor proposes; every other text is a type as well. */
export type TypeOf<Provider extends string> =
  | (Provider extends keyof Known ? Known[Provider] : never)
  | '*'
  | (string & {});

/** The providers that an editor proposes. */
export type ProviderName = keyof Known | (string & {});
