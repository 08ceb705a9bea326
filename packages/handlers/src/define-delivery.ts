/** One attempt to deliver one outbox row. */
export interface Delivery<Payload = unknown> {
  /** The same in every attempt; the receiving side recognises a repetition by it. */
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
 * Delivers outbox rows with your own code. Called at least once for each row that names it, outside any transaction.
 * Returning means delivered; after an error it is called again later.
 */
export function defineDelivery<Payload = unknown>(
  name: string,
  run: DeliveryFunction<Payload>,
): DefinedDelivery {
  if (typeof name !== 'string' || name.trim() === '') throw new TypeError('a delivery needs a name');
  if (typeof run !== 'function') throw new TypeError(`the delivery ${name} is not a function`);
  return Object.freeze({ kind: deliveryKind, name, run: run as DefinedDelivery['run'] });
}

export const isDelivery = (value: unknown): value is DefinedDelivery =>
  (value as { kind?: unknown } | null)?.kind === deliveryKind;
