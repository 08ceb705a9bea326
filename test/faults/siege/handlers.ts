import { setTimeout as sleep } from 'node:timers/promises';
import { defineHandler } from '@semel/handlers';

// The handlers of a siege. What one does is said by the number of its invoice.

export const invoices = defineHandler('stripe', 'invoice.sent', async ({ event, outbox, signal }) => {
  const { id, number } = event.data.object;
  if (number === 'loops') for (;;);
  if (number === 'is slow') await sleep(4_000, undefined, { signal });
  if (number?.startsWith('to ')) await outbox({ key: `sent:${id}`, to: number.slice(3), payload: { id } });
});
