import { entityId, type PlannedChange } from '@semel/core';
import type pg from 'pg';
import { withFirms } from './connection/pool.js';
import { recordChanges } from './ledger/apply-store.js';
import { upsertObjects } from './objects/upsert-objects.js';

/** An envelope whose current state is to be fetched from DocuSign. */
export interface WantedEnvelope {
  firmId: string;
  account: string;
  /** DocuSign's envelope id. */
  externalId: string;
}

/** An envelope that only this process may fetch for the next 15 minutes. */
export interface ClaimedPoll extends WantedEnvelope {
  envelopeId: string;
  /** Time of the claim, as Postgres prints it. */
  askedAt: string;
}

/** DocuSign allows one request per envelope in this time. Source: developers.docusign.com, API rules and limits. */
const interval = `interval '15 minutes'`;
/** After this many failed requests the envelope is fetched again only when its next message arrives. */
const attemptLimit = 8;

/** Marks envelopes to be fetched. Their rows in `esignature_envelopes` must exist. */
export async function wantEnvelopes(pool: pg.Pool, wanted: readonly WantedEnvelope[]): Promise<void> {
  const rows = new Map(
    wanted.map((want) => [
      entityId(want.firmId, 'docusign', { entity: 'envelope', externalId: want.externalId }),
      want,
    ]),
  );
  const ids = [...rows.keys()].sort();
  const column = (name: keyof WantedEnvelope) => ids.map((id) => rows.get(id)?.[name]);
  await withFirms(pool, { firmIds: wanted.map(({ firmId }) => firmId) }, (query) =>
    query(
      `INSERT INTO esignature_envelope_polls AS p (envelope_id, firm_id, account, external_id, wanted_at)
       SELECT *, now() FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS r (envelope_id, firm_id, account, external_id)
       ORDER BY envelope_id
       ON CONFLICT (envelope_id) DO UPDATE SET wanted_at = now(), account = excluded.account, attempts = 0`,
      [ids, column('firmId'), column('account'), column('externalId')],
    ),
  );
}

/**
 * Claims one envelope that may be fetched now; null: there is none. The conditional UPDATE enforces DocuSign's limit across
 * all workers. Only an account mapped to the firm counts: a firm can sign a message that names another firm's account, and
 * must not receive that account's envelope.
 */
export async function claimPoll(pool: pg.Pool, firmIds: readonly string[]): Promise<ClaimedPoll | null> {
  const { rows } = await withFirms(pool, { firmIds }, (query) =>
    query(
      `UPDATE esignature_envelope_polls SET asked_at = now(), attempts = attempts + 1
       WHERE envelope_id = (
         SELECT p.envelope_id FROM esignature_envelope_polls p
         JOIN webhook_accounts a ON a.provider = 'docusign' AND a.account = p.account AND a.firm_id = p.firm_id
         WHERE p.wanted_at IS NOT NULL AND p.attempts < $1
           AND (p.asked_at IS NULL OR p.asked_at <= now() - ${interval})
         ORDER BY p.asked_at NULLS FIRST, p.wanted_at LIMIT 1
         FOR UPDATE OF p SKIP LOCKED
       )
       RETURNING envelope_id AS "envelopeId", firm_id AS "firmId", account, external_id AS "externalId",
         asked_at::text AS "askedAt"`,
      [attemptLimit],
    ),
  );
  return rows[0] ?? null;
}

/** Ends the poll of a claimed envelope, unless it was marked again after the claim. */
export async function completePoll(
  pool: pg.Pool,
  { firmId, envelopeId, askedAt }: ClaimedPoll,
): Promise<void> {
  await withFirms(pool, { firmIds: [firmId] }, (query) =>
    query(
      `UPDATE esignature_envelope_polls SET wanted_at = NULL, attempts = 0
       WHERE envelope_id = $1 AND asked_at = $2::timestamptz AND wanted_at <= asked_at`,
      [envelopeId, askedAt],
    ),
  );
}

/** Returns those of the firms that have an envelope to fetch. */
export async function listFirmsToPoll(pool: pg.Pool, firmIds: readonly string[]): Promise<string[]> {
  if (firmIds.length === 0) return [];
  const { rows } = await withFirms(pool, { firmIds }, (query) =>
    query(
      'SELECT DISTINCT firm_id FROM esignature_envelope_polls WHERE wanted_at IS NOT NULL AND attempts < $1',
      [attemptLimit],
    ),
  );
  return rows.map(({ firm_id }: { firm_id: string }) => firm_id);
}

/**
 * Applies changes that come from a fetch instead of an event, in one transaction, with the same guards and the same rows in
 * `domain_changes`. Returns how many objects changed.
 */
export const applyFetched = (pool: pg.Pool, changes: readonly PlannedChange[]): Promise<number> =>
  withFirms(pool, { firmIds: changes.map(({ firmId }) => firmId) }, async (query) => {
    const applied = await upsertObjects(query, changes);
    if (applied.length > 0) await recordChanges(query, applied);
    return applied.length;
  });
