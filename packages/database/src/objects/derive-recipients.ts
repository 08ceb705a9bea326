import { type AppliedChange, entityId, type PlannedChange, stubOrder } from '@semel/core';
import type { Query } from '../connection/pool.js';

/**
 * Computes the status of recipients: their own, or `deleted` if a later full list of the envelope's recipients lacks them. The
 * result depends only on the content of the rows, never on the order of the events.
 *
 * This transaction must hold the locks of the envelopes; a change of a recipient names its envelope and so has locked it.
 * Returns `changed` with the derived statuses, and with the recipients that a list removed or restored, attributed to the
 * event of that list.
 */
export async function deriveRecipients(
  query: Query,
  passed: readonly AppliedChange[],
  changed: readonly AppliedChange[],
): Promise<AppliedChange[]> {
  const causes = new Map<string, PlannedChange>();
  for (const { change } of passed) {
    const isList = change.entity === 'recipient_list';
    const envelope = isList || change.entity === 'recipient' ? change.refs?.envelope_id : undefined;
    const id = envelope && entityId(change.firmId, change.provider, envelope);
    if (id !== undefined && (isList || !causes.has(id))) causes.set(id, change);
  }
  if (causes.size === 0) return [...changed];
  const { rows } = await query(derive, [[...causes.keys()]]);
  const derived = new Map((rows as Derived[]).map((row) => [row.id, row]));
  const result = changed.map((one) => {
    const row = one.change.entity === 'recipient' ? derived.get(one.entityId) : undefined;
    if (row?.status !== 'deleted') return one;
    // Removed before: a late event of the recipient does not change the status.
    const isLate = row.before === 'deleted' || causes.get(row.envelope_id)?.eventId === one.change.eventId;
    const fields = { ...one.change.fields, status: 'deleted' };
    return isLate ? { ...one, change: { ...one.change, fields } } : one;
  });
  const own = new Map(changed.map(({ change, entityId: id }) => [id, change]));
  for (const { id, envelope_id, external_id, before, status } of derived.values()) {
    const { firmId, provider, eventId, receivedAtMs } = causes.get(envelope_id) as PlannedChange;
    // The status that follows from the recipient's own change is already in that change.
    const isRecorded = own.has(id) && (status !== 'deleted' || own.get(id)?.eventId === eventId);
    if (before === status || isRecorded) continue;
    const by = { firmId, provider, eventId, receivedAtMs, order: { ...stubOrder, rank: 0 } };
    result.push({
      change: { entity: 'recipient', externalId: external_id, fields: { status }, ...by },
      entityId: id,
    });
  }
  return result;
}

interface Derived {
  id: string;
  envelope_id: string;
  external_id: string;
  before: string | null;
  status: string | null;
}

/** A recipient in an event later than the list may be new. A recipient who has signed or declined can't be removed. */
const derive = `
  WITH due AS (
    SELECT r.id, r.envelope_id, r.external_id, r.status AS before,
      CASE
        WHEN l.recipient_ids IS NULL OR r.order_time >= l.order_time THEN r.own_status
        WHEN r.own_status IN ('signed', 'completed', 'declined') THEN r.own_status
        WHEN substr(r.external_id, length(l.external_id) + 2) = ANY (l.recipient_ids) THEN r.own_status
        ELSE 'deleted'
      END AS status
    FROM esignature_recipients r
    LEFT JOIN esignature_recipient_lists l ON l.firm_id = r.firm_id AND l.envelope_id = r.envelope_id
    WHERE r.envelope_id = ANY ($1::uuid[])
  ), changed AS (
    UPDATE esignature_recipients AS t SET status = due.status, updated_at = now()
    FROM due WHERE t.id = due.id AND due.before IS DISTINCT FROM due.status
  )
  SELECT id, envelope_id, external_id, before, status FROM due`;
