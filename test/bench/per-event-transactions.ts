import { entityId, type WebhookEvent } from '@semel/core';
import { connectionAs, type DatabaseOptions } from '@semel/database';
import { providerNamed } from '@semel/providers';
import pg from 'pg';

/**
 * What a hand-written worker does: one transaction per event with node-pg, ten at once, with the same rows and row-
 * level security, and prepared statements, but without grouping. Returns events per second.
 */
export async function perEventTransactions(
  options: DatabaseOptions,
  events: readonly WebhookEvent[],
): Promise<number> {
  const provider = providerNamed('stripe');
  const pool = new pg.Pool({
    ...connectionAs(options.databaseUrl, 'worker', options.passwords),
    max: 10,
  });
  let next = 0;
  const applyNext = async (): Promise<void> => {
    for (let event = events[next++]; event !== undefined; event = events[next++]) {
      const body = Buffer.from((event.body as { utf8: string }).utf8);
      const change = provider?.changesOf(event, body).changes[0];
      if (change === undefined) throw new Error('the event changes nothing');
      const id = entityId(event.firmId, 'stripe', change);
      const { number, status, amount_due, amount_paid, amount_remaining, currency } = change.fields;
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await client.query({
          name: 'context',
          text: `SELECT set_config('semel.firm_ids', $1, true)`,
          values: [`{${event.firmId}}`],
        });
        await client.query({
          name: 'ledger',
          text: `INSERT INTO finance_stripe_webhook_events (firm_id, endpoint_id, stripe_event_id, idempotency_key, event_type,
                   event_raw, event_data, body_sha256, received_at, applied_at, outcome, attempts, invoice_id)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now(), now(), 'applied', 1, $9) ON CONFLICT DO NOTHING RETURNING id`,
          values: [
            event.firmId,
            event.endpointId,
            event.eventId,
            `stripe:${event.eventId}`,
            event.type,
            body,
            body.toString(),
            event.sha256,
            id,
          ],
        });
        await client.query({
          name: 'invoice',
          text: `INSERT INTO finance_invoices AS t (id, firm_id, provider, external_id, number, status, amount_due, amount_paid,
                   amount_remaining, currency, order_rank, order_time, order_event)
                 VALUES ($1, $2, 'stripe', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                 ON CONFLICT (id) DO UPDATE SET status = excluded.status, order_rank = excluded.order_rank
                 WHERE (t.order_rank, t.order_time, t.order_event) < (excluded.order_rank, excluded.order_time, excluded.order_event)`,
          values: [
            id,
            event.firmId,
            change.externalId,
            number,
            status,
            amount_due,
            amount_paid,
            amount_remaining,
            currency,
            change.order.rank,
            String(change.order.timeNs),
            event.eventId,
          ],
        });
        await client.query({
          name: 'change',
          text: `INSERT INTO domain_changes (firm_id, provider, event_id, entity_type, entity_id, change) VALUES ($1, 'stripe', $2, 'invoice', $3, $4)`,
          values: [event.firmId, event.eventId, id, JSON.stringify(change.fields)],
        });
        await client.query({
          name: 'attempt',
          text: `INSERT INTO webhook_attempts (firm_id, provider, event_id, outcome, attempt) VALUES ($1, 'stripe', $2, 'applied', 1)`,
          values: [event.firmId, event.eventId],
        });
        await client.query('COMMIT');
      } finally {
        client.release();
      }
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: 10 }, applyNext));
  const perSecond = events.length / ((performance.now() - startedMs) / 1000);
  await pool.end();
  return perSecond;
}
