-- What the sweeper looks for. Across firms it sees ids and whose they are, and no more: four functions, owned by a role
-- that reads just these columns. What it finds it heals in the context of that firm alone.

-- Ledgers: rows that failed and may have lost their job.
DO $$
DECLARE
  ledger text;
BEGIN
  FOREACH ledger IN ARRAY ARRAY[
    'finance_stripe_webhook_events', 'finance_square_webhook_events', 'esignature_webhook_events', 'sms_webhook_events'
  ] LOOP
    EXECUTE format($sql$CREATE INDEX %I ON %I (id) WHERE outcome = 'failed'$sql$, ledger || '_failed_idx', ledger);
    EXECUTE format('GRANT SELECT (id, firm_id, idempotency_key, outcome, received_at) ON %I TO semel_lookup', ledger);
    EXECUTE format('CREATE POLICY lookup ON %I FOR SELECT TO semel_lookup USING (true)', ledger);
  END LOOP;
END
$$;

-- `ledger` may name any table, and only ledgers have these columns and let semel_lookup read them.
CREATE FUNCTION semel_failed_events(ledger text, after_id bigint, older_than interval, most integer)
  RETURNS TABLE (id bigint, firm_id uuid, idempotency_key text)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
  BEGIN
    RETURN QUERY EXECUTE format($sql$
      SELECT l.id, l.firm_id, l.idempotency_key FROM public.%I l
      WHERE l.outcome = 'failed' AND l.id > $1 AND l.received_at < now() - $2 ORDER BY l.id LIMIT $3
    $sql$, ledger) USING after_id, older_than, most;
  END
  $$;

-- Whether the event id is another firm's; not whose.
CREATE FUNCTION semel_event_is_foreign(ledger text, event_key text, firm uuid) RETURNS boolean
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
  DECLARE
    found_one boolean;
  BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I l WHERE l.idempotency_key = $1 AND l.firm_id <> $2)', ledger)
      INTO found_one USING event_key, firm;
    RETURN found_one;
  END
  $$;

-- Quarantine: rows of accounts that were unknown, and are a firm's by now.
CREATE INDEX webhook_quarantine_unknown_idx ON webhook_quarantine (provider, account, id)
  WHERE resolved_at IS NULL AND reason = 'account_unknown';
GRANT SELECT (id, provider, event_id, firm_id, endpoint_id, account, reason, resolved_at) ON webhook_quarantine TO semel_lookup;
CREATE POLICY lookup ON webhook_quarantine FOR SELECT TO semel_lookup USING (true);
CREATE FUNCTION semel_quarantine_mapped(after_id bigint, most integer)
  RETURNS TABLE (id bigint, firm_id uuid, firm_slug text, provider text, event_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT q.id, a.firm_id, f.slug, q.provider, q.event_id FROM public.webhook_quarantine q
    JOIN public.webhook_accounts a ON a.provider = q.provider AND a.account = q.account
    JOIN public.firms f ON f.id = a.firm_id
    JOIN public.webhook_endpoints e ON e.id = q.endpoint_id AND e.firm_id IS NULL
    WHERE q.resolved_at IS NULL AND q.reason = 'account_unknown' AND q.firm_id IS NULL AND q.id > after_id
    ORDER BY q.id LIMIT most
  $$;

-- Such a row is its firm's from the moment that the account is mapped. The worker's own right to read mappings applies in
-- here, behind the wall of that table: so it sees the rows of the firms in its context, and of no others.
CREATE POLICY account_mapped ON webhook_quarantine TO semel_worker USING (
  firm_id IS NULL AND reason = 'account_unknown' AND EXISTS (
    SELECT FROM webhook_accounts a WHERE a.provider = webhook_quarantine.provider AND a.account = webhook_quarantine.account)
);
GRANT SELECT, UPDATE (resolved_at, resolution) ON webhook_quarantine TO semel_worker;
ALTER TABLE webhook_quarantine DROP CONSTRAINT webhook_quarantine_resolution_check;
ALTER TABLE webhook_quarantine ADD CONSTRAINT webhook_quarantine_resolution_check
  CHECK (resolution IN ('released', 'discarded', 'released by the sweeper'));

-- Large bodies: those that nobody will ask for any more.
GRANT SELECT (firm_id, provider, event_id, created_at) ON webhook_bodies TO semel_lookup;
CREATE POLICY lookup ON webhook_bodies FOR SELECT TO semel_lookup USING (true);
CREATE FUNCTION semel_bodies_kept(after_provider text, after_event_id text, after_firm uuid, older_than interval, most integer)
  RETURNS TABLE (provider text, event_id text, firm_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT b.provider, b.event_id, b.firm_id FROM public.webhook_bodies b
    WHERE (b.provider, b.event_id, b.firm_id) > (after_provider, after_event_id, after_firm) AND b.created_at < now() - older_than
    ORDER BY b.provider, b.event_id, b.firm_id LIMIT most
  $$;
-- receiver: of a body that is there it sees the key, and can only say that it is wanted again.
GRANT SELECT (firm_id, provider, event_id, created_at), UPDATE (created_at) ON webhook_bodies TO semel_receiver;

REVOKE ALL ON FUNCTION semel_failed_events(text, bigint, interval, integer), semel_event_is_foreign(text, text, uuid),
  semel_quarantine_mapped(bigint, integer), semel_bodies_kept(text, text, uuid, interval, integer) FROM PUBLIC;
-- Handing a function over takes membership in its new owner and that owner's right to create, both for this moment only.
GRANT semel_lookup TO CURRENT_USER;
GRANT CREATE ON SCHEMA public TO semel_lookup;
ALTER FUNCTION semel_failed_events(text, bigint, interval, integer) OWNER TO semel_lookup;
ALTER FUNCTION semel_event_is_foreign(text, text, uuid) OWNER TO semel_lookup;
ALTER FUNCTION semel_quarantine_mapped(bigint, integer) OWNER TO semel_lookup;
ALTER FUNCTION semel_bodies_kept(text, text, uuid, interval, integer) OWNER TO semel_lookup;
SET ROLE semel_lookup;
REVOKE ALL ON FUNCTION semel_failed_events(text, bigint, interval, integer), semel_event_is_foreign(text, text, uuid),
  semel_quarantine_mapped(bigint, integer), semel_bodies_kept(text, text, uuid, interval, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION semel_failed_events(text, bigint, interval, integer), semel_event_is_foreign(text, text, uuid),
  semel_quarantine_mapped(bigint, integer), semel_bodies_kept(text, text, uuid, interval, integer) TO semel_worker;
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM semel_lookup;
REVOKE semel_lookup FROM CURRENT_USER;
