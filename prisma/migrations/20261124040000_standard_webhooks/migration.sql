-- The ledger of standard: one row per event. The unique column is the guarantee.
CREATE TABLE standard_webhook_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id),
  event_id text NOT NULL,
  idempotency_key text NOT NULL UNIQUE,
  event_type text NOT NULL,
  channel text,
  account text,
  event_raw bytea NOT NULL,
  event_data jsonb,
  body_sha256 text NOT NULL,
  provider_created_at timestamptz,
  received_at timestamptz NOT NULL,
  applied_at timestamptz,
  outcome text NOT NULL CHECK (outcome IN ('applied', 'stale', 'ignored', 'failed', 'dead')),
  ignored_reason text,
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  duplicate_count bigint NOT NULL DEFAULT 0,
  last_duplicate_at timestamptz,
  UNIQUE (event_id)
);
CREATE INDEX ON standard_webhook_events (firm_id, received_at DESC);
CREATE INDEX ON standard_webhook_events USING brin (received_at);
CREATE INDEX standard_webhook_events_unfinished_idx ON standard_webhook_events (received_at) WHERE outcome IN ('failed', 'dead');

-- The wall: the same words as on every other table.
ALTER TABLE standard_webhook_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE standard_webhook_events FORCE ROW LEVEL SECURITY;
CREATE POLICY firm_wall ON standard_webhook_events USING (
  firm_id = ANY ((SELECT NULLIF(current_setting('semel.firm_ids', true), ''))::uuid[])
  OR (firm_id IS NULL AND (SELECT current_setting('semel.platform', true)) = 'on')
);

-- Rights, app by app.
GRANT SELECT (firm_id, idempotency_key, duplicate_count, last_duplicate_at), UPDATE (duplicate_count, last_duplicate_at) ON standard_webhook_events TO semel_receiver;
GRANT SELECT, INSERT, UPDATE ON standard_webhook_events TO semel_worker;
GRANT SELECT ON standard_webhook_events TO semel_console;

-- One more branch for the view, behind those that it has: so no migration need know which came before it.
DO $$
BEGIN
  EXECUTE format($view$
    CREATE OR REPLACE VIEW webhook_events WITH (security_invoker = true) AS %s
    UNION ALL
    SELECT 'standard'::text AS webhook_provider, substr(idempotency_key, length('standard:') + 1) AS external_event_id, firm_id, endpoint_id, event_type, outcome,
      received_at, applied_at, provider_created_at, idempotency_key, attempts, last_error, duplicate_count, last_duplicate_at
      FROM standard_webhook_events
  $view$, rtrim(pg_get_viewdef('webhook_events'::regclass), E'; \n'));
END
$$;
