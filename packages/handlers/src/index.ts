export {
  type DefinedDelivery,
  type Delivery,
  type DeliveryFunction,
  defineDelivery,
  isDelivery,
} from './define-delivery.js';
export {
  type DefinedHandler,
  defineHandler,
  type HandlerOptions,
  isHandler,
  type When,
} from './define-handler.js';
export type { DocusignEvent } from './events/docusign.js';
export type { EventOf, JsonEvent, TypeOf } from './events/event-of.js';
export type { SquareEvent } from './events/square.js';
export type { TwilioEvent } from './events/twilio.js';
export type {
  Changed,
  ChangedEntity,
  EventFacts,
  Firm,
  HandlerContext,
  HandlerFunction,
  OutboxEntry,
  QueryResult,
  Transaction,
} from './handler-context.js';
export { matches } from './matches.js';
