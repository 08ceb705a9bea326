import { SemelError } from '@semel/core';
import type { OutboxRow } from '@semel/database';
import type { DefinedDelivery } from '@semel/handlers';
import { within } from '../handling/within.js';
import { postWebhook } from './post-webhook.js';

export interface DeliverOptions {
  deliveries: readonly DefinedDelivery[];
  timeoutMs: number;
  allowPrivate: boolean;
}

/** Makes one attempt: at the delivery of this name, or else at the firm's destination of this name. Throws if it fails. */
export async function deliverRow(row: OutboxRow, options: DeliverOptions): Promise<void> {
  const { timeoutMs, allowPrivate } = options;
  const { id, destination, payload, effectKey: key, attempt, endpoint } = row;
  const late = () => new SemelError('delivery_timeout', `no answer after ${timeoutMs} ms`);
  const delivery = options.deliveries.find(({ name }) => name === destination);
  if (delivery !== undefined)
    return within(
      timeoutMs,
      async (signal) =>
        void (await delivery.run({ id, payload, key, firm: { id: row.firmId }, attempt, signal })),
      late,
    );
  if (endpoint === null)
    throw new SemelError(
      'destination_unknown',
      `the firm has no destination "${destination}" that is enabled`,
    );
  const { url, secret } = endpoint;
  if (secret === null)
    throw new SemelError(
      'destination_unknown',
      `the secret of "${destination}" can't be decrypted with this key`,
    );
  return within(
    timeoutMs,
    (signal) => postWebhook({ url, secret, id, body: JSON.stringify(payload), signal, allowPrivate }),
    late,
  );
}
