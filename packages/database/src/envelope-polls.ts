import { entityId, type PlannedChange } from '@semel/core';
import type pg from 'pg';
import { withFirms } from './connection/pool.js';
import { recordChanges } from './ledger/apply-store.js';
import { upsertObjects } from './objects/upsert-objects.js';

/** An envelope to ask DocuSign for. */
export interface WantedEnvelope {
  firmId: string;
  account: string;
  /** DocuSign's id. */
  externalId: string;
}

/** A question that this process may ask now, and no other for the next 15 minutes. */
export interface ClaimedPoll extends WantedEnvelope {
  envelopeId: string;
  /** When, as the database has it. */
  askedAt: string;
}

/** DocuSign allows one question per envelope in this time. (developers.docusign.com: API rules and limits) */
const interval = `interval '15 minutes'`;
/** After so many questions without an answer it waits for the envelope's next message. */
const attemptLimit = 8;

/** Writes down that the envelopes are to be asked for. The rows of the envelopes must be there. */
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
 * Takes one envelope that may be asked for now; null: there is none. The conditional UPDATE is the limit: it holds for all
 * workers together. Only accounts that are mapped to the firm: any firm can sign a message that names another's account,
 * and would be given that account's envelope.
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

/** The question is answered, for good: what came meanwhile is still wanted. */
export async function settlePoll(pool: pg.Pool, { firmId, envelopeId, askedAt }: ClaimedPoll): Promise<void> {
  await withFirms(pool, { firmIds: [firmId] }, (query) =>
    query(
      `UPDATE esignature_envelope_polls SET wanted_at = NULL, attempts = 0
       WHERE envelope_id = $1 AND asked_at = $2::timestamptz AND wanted_at <= asked_at`,
      [envelopeId, askedAt],
    ),
  );
}

/** Of these firms, those that still have an envelope to ask for. */
export async function firmsThatWant(pool: pg.Pool, firmIds: readonly string[]): Promise<string[]> {
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
 * Changes that no event brought, through the same guards, in a transaction of their own, with their rows in
 * `domain_changes`. Returns how many objects moved.
 */
export const applyFetched = (pool: pg.Pool, changes: readonly PlannedChange[]): Promise<number> =>
  withFirms(pool, { firmIds: changes.map(({ firmId }) => firmId) }, async (query) => {
    const applied = await upsertObjects(query, changes);
    if (applied.length > 0) await recordChanges(query, applied);
    return applied.length;
  });
