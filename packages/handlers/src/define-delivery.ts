/** One attempt to deliver one row of the outbox. */
export interface Delivery<Payload = unknown> {
  /** The same in every attempt: what the receiving side tells a second one by. */
  id: string;
  payload: Payload;
  key: string;
  firm: { id: string };
  /** 1, 2, … */
  attempt: number;
  /** Aborted when its time is up. */
  signal: AbortSignal;
}

export type DeliveryFunction<Payload = unknown> = (delivery: Delivery<Payload>) => Promise<void> | void;

export interface DefinedDelivery {
  readonly kind: typeof deliveryKind;
  readonly name: string;
  run(delivery: Delivery): Promise<void> | void;
}

const deliveryKind = 'semel.delivery.v1';

/**
 * A way out of the outbox by code of your own: called at least once for each row that names it, outside of any transaction.
 * It has delivered when it returns; where it throws, it is called again later.
 */
export function defineDelivery<Payload = unknown>(
  name: string,
  run: DeliveryFunction<Payload>,
): DefinedDelivery {
  if (typeof name !== 'string' || name.trim() === '') throw new TypeError('a delivery needs a name');
  if (typeof run !== 'function') throw new TypeError(`the delivery ${name} is no function`);
  return Object.freeze({ kind: deliveryKind, name, run: run as DefinedDelivery['run'] });
}

export const isDelivery = (value: unknown): value is DefinedDelivery =>
  (value as { kind?: unknown } | null)?.kind === deliveryKind;
