import { type AppliedChange, entityId, type FieldValue, type PlannedChange, stubOrder } from '@semel/core';
import type { Query } from '../connection/pool.js';

/**
 * Recomputes the columns of payments that depend on several rows, for each payment with such a row in `passed`. The result
 * depends only on the content of the rows, never on the order of the events.
 *
 * This transaction must hold the locks of the payments. A change that names a payment has locked it, through a stub if it had
 * no row yet. So this statement sees the rows of every transaction that touched the payment before.
 * Not guaranteed: if an object's events name first one payment and then another, the first is not recomputed.
 *
 * `passed`: changes that passed the guard, even if they left the row's content as it was. `changed`: those of them that
 * changed it. Returns `changed` with the derived columns: merged into the same event's change of the payment, or as an
 * additional change, attributed to the last event that changed one of these rows.
 */
export async function derivePayments(
  query: Query,
  passed: readonly AppliedChange[],
  changed: readonly AppliedChange[],
): Promise<AppliedChange[]> {
  const changedKeys = new Set(changed.map(keyOf));
  const causes = new Map<string, AppliedChange>();
  for (const cause of passed) {
    const id = paymentOf(cause);
    const known = id === null ? undefined : causes.get(id);
    if (
      id !== null &&
      (known === undefined || changedKeys.has(keyOf(cause)) || !changedKeys.has(keyOf(known)))
    )
      causes.set(id, cause);
  }
  if (causes.size === 0) return [...changed];
  const { rows } = await query(derive, [[...causes.keys()]]);
  const result = [...changed];
  for (const { id, external_id, fields } of rows as Derived[]) {
    const cause = (causes.get(id) as AppliedChange).change;
    const at = result.findIndex(
      (own) => own.entityId === id && own.change.eventId === cause.eventId && own.change.order.rank >= 0,
    );
    const own = result[at]?.change;
    const change: PlannedChange = own
      ? { ...own, fields: { ...own.fields, ...fields } }
      : {
          entity: 'payment',
          externalId: external_id,
          fields,
          order: { ...stubOrder, rank: 0 },
          firmId: cause.firmId,
          provider: cause.provider,
          eventId: cause.eventId,
          receivedAtMs: cause.receivedAtMs,
        };
    if (own) result[at] = { change, entityId: id };
    else result.push({ change, entityId: id });
  }
  return result;
}

interface Derived {
  id: string;
  external_id: string;
  fields: Record<string, FieldValue>;
}

const keyOf = ({ change, entityId: id }: AppliedChange) => `${id} ${change.eventId}`;

function paymentOf({ change, entityId: id }: AppliedChange): string | null {
  if (change.entity === 'payment') return id;
  const ref = change.refs?.payment_id;
  return ref === undefined || change.entity === 'checkout_session'
    ? null
    : entityId(change.firmId, change.provider, ref);
}

/*
 * status, amount, currency, customer, failure: from the payment's own events; before the first one, from its best charge.
 * amount_refunded: the sum of the counted refunds, plus the part of the provider's stated total that no known refund explains.
 *   A refund that failed after the total was stated is in the total, so it explains a part of it. A refund made after the
 *   total was stated explains nothing. A charge's total also includes what was authorised but never captured, in most API
 *   versions without a refund; no refund explains that part.
 * paid_at: the payment's own, unless it failed or was canceled; else that of its first paid charge.
 * invoice_id: the invoice linked to it; of several, the one with the smallest id.
 * dispute_status: that of the dispute opened last.
 */
const derive = `
  UPDATE finance_payments AS t SET
    status = d.status, amount = d.amount, currency = d.currency, customer_external_id = d.customer_external_id,
    failure_code = d.failure_code, failure_message = d.failure_message, amount_refunded = d.amount_refunded,
    paid_at = d.paid_at, invoice_id = d.invoice_id, dispute_status = d.dispute_status, updated_at = now()
  FROM (
    SELECT p.id,
      CASE WHEN p.order_rank < 0 THEN best.status ELSE p.status END AS status,
      CASE WHEN p.order_rank < 0 THEN best.amount ELSE p.amount END AS amount,
      CASE WHEN p.order_rank < 0 THEN best.currency ELSE p.currency END AS currency,
      CASE WHEN p.order_rank < 0 THEN best.customer_external_id ELSE p.customer_external_id END AS customer_external_id,
      CASE WHEN p.order_rank < 0 THEN best.failure_code ELSE p.failure_code END AS failure_code,
      CASE WHEN p.order_rank < 0 THEN best.failure_message ELSE p.failure_message END AS failure_message,
      CASE
        WHEN told.amount IS NULL THEN refunds.counted
        ELSE COALESCE(refunds.counted, 0) + GREATEST(
          CASE WHEN refunds.has_release THEN 0 ELSE charges.released END,
          told.amount - COALESCE(refunds.explained, 0))
      END AS amount_refunded,
      COALESCE(
        CASE WHEN p.status IN ('failed', 'canceled', 'FAILED', 'CANCELED') THEN NULL ELSE p.own_paid_at END,
        charges.paid_at) AS paid_at,
      COALESCE(link.invoice_id, p.invoice_id) AS invoice_id,
      link.external_id AS invoice_external_id,
      dispute.status AS dispute_status
    FROM finance_payments p
    CROSS JOIN LATERAL (
      SELECT sum(c.amount_refunded)::bigint AS amount_refunded, max(c.told_at) AS told_at, min(c.paid_at) AS paid_at,
        -- Charges from before 2020 lack amount_captured; LEAST would ignore that null.
        COALESCE(sum(LEAST(COALESCE(c.amount_refunded, 0), c.amount - c.amount_captured))
          FILTER (WHERE c.amount_captured IS NOT NULL), 0)::bigint AS released
      FROM finance_charges c WHERE c.firm_id = p.firm_id AND c.payment_id = p.id
    ) charges
    LEFT JOIN LATERAL (
      SELECT c.* FROM finance_charges c WHERE c.firm_id = p.firm_id AND c.payment_id = p.id
      ORDER BY c.paid_at IS NULL, c.order_time DESC, c.external_id COLLATE "C" DESC LIMIT 1
    ) best ON true
    CROSS JOIN LATERAL (
      SELECT COALESCE(charges.amount_refunded, p.own_amount_refunded) AS amount,
        CASE WHEN charges.amount_refunded IS NULL THEN p.own_told_at ELSE charges.told_at END AS told_at
    ) told
    CROSS JOIN LATERAL (
      SELECT COALESCE(sum(r.amount) FILTER (WHERE r.counts), CASE WHEN count(*) > 0 THEN 0 END)::bigint AS counted,
        sum(r.amount) FILTER (
          WHERE (r.counts OR r.told_at >= told.told_at)
            AND (r.refunded_at IS NULL OR r.refunded_at <= told.told_at)
        )::bigint AS explained,
        COALESCE(bool_or(r.counts AND r.amount = charges.released
          AND (r.refunded_at IS NULL OR r.refunded_at <= told.told_at)), false) AS has_release
      FROM finance_refunds r WHERE r.firm_id = p.firm_id AND r.payment_id = p.id
    ) refunds
    LEFT JOIN LATERAL (
      SELECT s.status FROM finance_disputes s WHERE s.firm_id = p.firm_id AND s.payment_id = p.id
      ORDER BY s.opened_at DESC NULLS LAST, s.external_id COLLATE "C" DESC LIMIT 1
    ) dispute ON true
    LEFT JOIN LATERAL (
      SELECT l.invoice_id, i.external_id FROM finance_invoice_payments l
      JOIN finance_invoices i ON i.firm_id = l.firm_id AND i.id = l.invoice_id
      WHERE l.firm_id = p.firm_id AND l.payment_id = p.id
      ORDER BY i.external_id COLLATE "C" LIMIT 1
    ) link ON true
    WHERE p.id = ANY ($1::uuid[])
  ) AS d
  WHERE t.id = d.id AND
    (t.status, t.amount, t.currency, t.customer_external_id, t.failure_code, t.failure_message, t.amount_refunded,
      t.paid_at, t.invoice_id, t.dispute_status)
    IS DISTINCT FROM
    (d.status, d.amount, d.currency, d.customer_external_id, d.failure_code, d.failure_message, d.amount_refunded,
      d.paid_at, d.invoice_id, d.dispute_status)
  RETURNING t.id, t.external_id, jsonb_build_object(
    'status', t.status, 'amount', t.amount, 'currency', t.currency, 'amount_refunded', t.amount_refunded,
    'paid_at', t.paid_at, 'dispute_status', t.dispute_status,
    'failure_code', t.failure_code, 'failure_message', t.failure_message,
    'invoice_id', CASE WHEN d.invoice_external_id IS NULL THEN NULL
      ELSE jsonb_build_object('entity', 'invoice', 'externalId', d.invoice_external_id) END
  ) AS fields`;
