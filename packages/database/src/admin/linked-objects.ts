import { type PlainRow, toPlainRow } from './plain.js';
import type { Transaction } from './scope.js';

/** Reads the object that a link column of the ledger points to. A new kind of object needs a line here. */
const readers: Record<string, (tx: Transaction, id: string) => Promise<object | null>> = {
  invoice_id: (tx, id) => tx.financeInvoice.findUnique({ where: { id } }),
  payment_id: (tx, id) => tx.financePayment.findUnique({ where: { id } }),
  envelope_id: (tx, id) =>
    tx.esignatureEnvelope.findUnique({ where: { id }, include: { esignatureRecipients: true } }),
  message_id: (tx, id) => tx.smsMessage.findUnique({ where: { id } }),
  conversation_id: (tx, id) => tx.smsConversation.findUnique({ where: { id } }),
};

/** Removes the guard's columns, which only order events. */
const withoutGuard = (object: object): object =>
  Object.fromEntries(
    Object.entries(object)
      .filter(([name]) => !/^(order|optOutOrder|ownStatus)/.test(name))
      .map(([name, value]) => [name, Array.isArray(value) ? value.map(partOf) : value]),
  );

const partOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? withoutGuard(value) : value;

export async function linkedObjects(
  tx: Transaction,
  columns: readonly string[],
  row: Record<string, unknown>,
): Promise<Record<string, PlainRow>> {
  const linked: Record<string, PlainRow> = {};
  for (const column of columns) {
    const id = row[column];
    const object = typeof id === 'string' ? await readers[column]?.(tx, id) : null;
    if (object) linked[column] = toPlainRow(withoutGuard(object));
  }
  return linked;
}
