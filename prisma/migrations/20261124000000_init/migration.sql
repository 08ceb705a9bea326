-- The whole first schema. Rules that hold everywhere:
--   * every row has a firm, or belongs to the platform (firm_id IS NULL), which no firm can read;
--   * row-level security is forced: a session sees the firms named in semel.firm_ids, and nothing without it;
--   * an object is linked by (firm_id, id), so that no row can point across firms;
--   * each app has a role of its own, with the rights that it needs and no more.

-- Roles. `semel migrate` gives the first three a password; semel_lookup can never log in.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['semel_receiver', 'semel_worker', 'semel_console', 'semel_lookup'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT', role_name);
    END IF;
  END LOOP;
END
$$;
GRANT USAGE ON SCHEMA public TO semel_receiver, semel_worker, semel_console, semel_lookup;

-- Tenancy ------------------------------------------------------------------------------------------------------

CREATE TABLE firms (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  slug text NOT NULL UNIQUE,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE webhook_endpoints (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  firm_id uuid REFERENCES firms (id),
  provider text NOT NULL,
  key text NOT NULL,
  mode text CHECK (mode IN ('live', 'test')),
  public_url text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  disabled_at timestamptz,
  removed_at timestamptz,
  UNIQUE (provider, key),
  UNIQUE (firm_id, id)
);

CREATE TABLE webhook_endpoint_secrets (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
  firm_id uuid,
  key_id text NOT NULL,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (firm_id, endpoint_id) REFERENCES webhook_endpoints (firm_id, id) ON DELETE CASCADE
);
CREATE INDEX ON webhook_endpoint_secrets (endpoint_id);

CREATE TABLE webhook_endpoint_accounts (
  endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
  firm_id uuid,
  account text NOT NULL,
  PRIMARY KEY (endpoint_id, account),
  FOREIGN KEY (firm_id, endpoint_id) REFERENCES webhook_endpoints (firm_id, id) ON DELETE CASCADE
);

CREATE TABLE webhook_accounts (
  provider text NOT NULL,
  account text NOT NULL,
  firm_id uuid NOT NULL REFERENCES firms (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (provider, account)
);

-- One row, counted up in the same transaction as any change of the four tables above: receivers poll it.
CREATE TABLE webhook_config (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  revision bigint NOT NULL
);
INSERT INTO webhook_config (revision) VALUES (1);

CREATE FUNCTION semel_touch_config() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE public.webhook_config SET revision = revision + 1;
  RETURN NULL;
END
$$;

CREATE TRIGGER touch_config AFTER INSERT OR UPDATE OR DELETE ON webhook_endpoints
  FOR EACH STATEMENT EXECUTE FUNCTION semel_touch_config();
CREATE TRIGGER touch_config AFTER INSERT OR UPDATE OR DELETE ON webhook_endpoint_secrets
  FOR EACH STATEMENT EXECUTE FUNCTION semel_touch_config();
CREATE TRIGGER touch_config AFTER INSERT OR UPDATE OR DELETE ON webhook_endpoint_accounts
  FOR EACH STATEMENT EXECUTE FUNCTION semel_touch_config();
CREATE TRIGGER touch_config AFTER INSERT OR UPDATE OR DELETE ON webhook_accounts
  FOR EACH STATEMENT EXECUTE FUNCTION semel_touch_config();

-- Domain objects. `order_*` is the guard: a change is applied only if it is greater than what the row has. ---------

CREATE TABLE finance_invoices (
  id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  external_id text NOT NULL,
  number text,
  status text,
  amount_due bigint,
  amount_paid bigint,
  amount_remaining bigint,
  currency text,
  due_at timestamptz,
  customer_external_id text,
  metadata jsonb,
  order_major bigint NOT NULL,
  order_minor bigint NOT NULL,
  order_event text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (firm_id, id),
  UNIQUE (firm_id, provider, external_id)
);

CREATE TABLE finance_payments (
  id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  external_id text NOT NULL,
  invoice_id uuid,
  status text,
  amount bigint,
  amount_refunded bigint,
  currency text,
  failure_code text,
  failure_message text,
  paid_at timestamptz,
  customer_external_id text,
  metadata jsonb,
  order_major bigint NOT NULL,
  order_minor bigint NOT NULL,
  order_event text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (firm_id, invoice_id) REFERENCES finance_invoices (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  UNIQUE (firm_id, id),
  UNIQUE (firm_id, provider, external_id)
);

CREATE INDEX ON finance_payments (firm_id, invoice_id);

CREATE TABLE esignature_envelopes (
  id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  external_id text NOT NULL,
  status text,
  status_changed_at timestamptz,
  sent_at timestamptz,
  delivered_at timestamptz,
  completed_at timestamptz,
  declined_at timestamptz,
  voided_at timestamptz,
  voided_reason text,
  order_major bigint NOT NULL,
  order_minor bigint NOT NULL,
  order_event text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (firm_id, id),
  UNIQUE (firm_id, provider, external_id)
);

CREATE TABLE esignature_recipients (
  id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  external_id text NOT NULL,
  envelope_id uuid,
  status text,
  signed_at timestamptz,
  declined_at timestamptz,
  order_major bigint NOT NULL,
  order_minor bigint NOT NULL,
  order_event text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (firm_id, envelope_id) REFERENCES esignature_envelopes (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  UNIQUE (firm_id, id),
  UNIQUE (firm_id, provider, external_id)
);

CREATE INDEX ON esignature_recipients (firm_id, envelope_id);

CREATE TABLE sms_conversations (
  id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  our_number text NOT NULL,
  their_number text NOT NULL,
  opted_out boolean NOT NULL DEFAULT false,
  order_major bigint NOT NULL,
  order_minor bigint NOT NULL,
  order_event text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (firm_id, id),
  UNIQUE (firm_id, provider, our_number, their_number)
);

CREATE TABLE sms_messages (
  id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  twilio_message_sid text NOT NULL,
  conversation_id uuid,
  direction text,
  status text,
  error_code text,
  from_number text,
  to_number text,
  body text,
  media jsonb,
  messaging_service_sid text,
  order_major bigint NOT NULL,
  order_minor bigint NOT NULL,
  order_event text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (firm_id, conversation_id) REFERENCES sms_conversations (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  UNIQUE (firm_id, id),
  UNIQUE (firm_id, provider, twilio_message_sid)
);

CREATE INDEX ON sms_messages (firm_id, conversation_id);

-- The ledger: one table per provider, one row per event. The unique columns are the guarantee. -----------------------

CREATE TABLE finance_stripe_webhook_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id),
  stripe_event_id text NOT NULL,
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
  invoice_id uuid,
  payment_id uuid,
  UNIQUE (stripe_event_id),
  FOREIGN KEY (firm_id, invoice_id) REFERENCES finance_invoices (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (firm_id, payment_id) REFERENCES finance_payments (firm_id, id) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ON finance_stripe_webhook_events (firm_id, received_at DESC);
CREATE INDEX ON finance_stripe_webhook_events USING brin (received_at);
CREATE INDEX finance_stripe_webhook_events_unfinished_idx ON finance_stripe_webhook_events (received_at) WHERE outcome IN ('failed', 'dead');

CREATE TABLE finance_square_webhook_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id),
  square_event_id text NOT NULL,
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
  invoice_id uuid,
  payment_id uuid,
  UNIQUE (square_event_id),
  FOREIGN KEY (firm_id, invoice_id) REFERENCES finance_invoices (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (firm_id, payment_id) REFERENCES finance_payments (firm_id, id) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ON finance_square_webhook_events (firm_id, received_at DESC);
CREATE INDEX ON finance_square_webhook_events USING brin (received_at);
CREATE INDEX finance_square_webhook_events_unfinished_idx ON finance_square_webhook_events (received_at) WHERE outcome IN ('failed', 'dead');

CREATE TABLE esignature_webhook_events (
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
  envelope_id uuid,
  UNIQUE (event_id),
  FOREIGN KEY (firm_id, envelope_id) REFERENCES esignature_envelopes (firm_id, id) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ON esignature_webhook_events (firm_id, received_at DESC);
CREATE INDEX ON esignature_webhook_events USING brin (received_at);
CREATE INDEX esignature_webhook_events_unfinished_idx ON esignature_webhook_events (received_at) WHERE outcome IN ('failed', 'dead');

CREATE TABLE sms_webhook_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id),
  twilio_message_sid text NOT NULL,
  webhook_type text NOT NULL,
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
  message_id uuid,
  conversation_id uuid,
  UNIQUE (twilio_message_sid, webhook_type),
  FOREIGN KEY (firm_id, message_id) REFERENCES sms_messages (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (firm_id, conversation_id) REFERENCES sms_conversations (firm_id, id) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ON sms_webhook_events (firm_id, received_at DESC);
CREATE INDEX ON sms_webhook_events USING brin (received_at);
CREATE INDEX sms_webhook_events_unfinished_idx ON sms_webhook_events (received_at) WHERE outcome IN ('failed', 'dead');

CREATE VIEW webhook_events WITH (security_invoker = true) AS
SELECT 'stripe'::text AS webhook_provider, stripe_event_id AS external_event_id, firm_id, endpoint_id, event_type, outcome,
  received_at, applied_at, provider_created_at, idempotency_key, attempts, last_error, duplicate_count, last_duplicate_at
  FROM finance_stripe_webhook_events
UNION ALL
SELECT 'square'::text AS webhook_provider, square_event_id AS external_event_id, firm_id, endpoint_id, event_type, outcome,
  received_at, applied_at, provider_created_at, idempotency_key, attempts, last_error, duplicate_count, last_duplicate_at
  FROM finance_square_webhook_events
UNION ALL
SELECT 'docusign'::text AS webhook_provider, event_id AS external_event_id, firm_id, endpoint_id, event_type, outcome,
  received_at, applied_at, provider_created_at, idempotency_key, attempts, last_error, duplicate_count, last_duplicate_at
  FROM esignature_webhook_events
UNION ALL
SELECT 'twilio'::text AS webhook_provider, substr(idempotency_key, length('twilio:') + 1) AS external_event_id, firm_id, endpoint_id, event_type, outcome,
  received_at, applied_at, provider_created_at, idempotency_key, attempts, last_error, duplicate_count, last_duplicate_at
  FROM sms_webhook_events;

-- Around the ledger ------------------------------------------------------------------------------------------------

-- Append-only and without a unique key of its own: a double application would show here.
CREATE TABLE webhook_attempts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  event_id text NOT NULL,
  outcome text NOT NULL,
  attempt integer NOT NULL,
  error text,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON webhook_attempts (provider, event_id);

-- Append-only: what each event changed, one row per event and object.
CREATE TABLE domain_changes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  event_id text NOT NULL,
  entity_type text NOT NULL,
  entity_id uuid NOT NULL,
  change jsonb NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON domain_changes (provider, event_id);
CREATE INDEX ON domain_changes (firm_id, entity_type, entity_id);

-- Deliveries beyond the first, and rejected ones: summed, not listed one by one.
CREATE TABLE webhook_deliveries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  firm_id uuid REFERENCES firms (id),
  provider text NOT NULL,
  event_id text,
  endpoint_id uuid REFERENCES webhook_endpoints (id),
  outcome text NOT NULL,
  code text,
  source text,
  count bigint NOT NULL,
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  UNIQUE NULLS NOT DISTINCT (provider, event_id, endpoint_id, firm_id, outcome, code, source)
);

CREATE TABLE webhook_quarantine (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  provider text NOT NULL,
  event_id text NOT NULL,
  firm_id uuid REFERENCES firms (id),
  endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id),
  account text,
  reason text NOT NULL,
  event_type text NOT NULL,
  channel text,
  event_raw bytea NOT NULL,
  body_sha256 text NOT NULL,
  ignored_reason text,
  provider_created_at timestamptz,
  received_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  resolved_at timestamptz,
  resolution text CHECK (resolution IN ('released', 'discarded')),
  UNIQUE (provider, event_id, endpoint_id)
);
CREATE INDEX webhook_quarantine_open_idx ON webhook_quarantine (received_at) WHERE resolved_at IS NULL;

-- Accepted while Redis could not be used, or kept here as well for durability.
CREATE TABLE webhook_spill (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  event_id text NOT NULL,
  endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id),
  account text,
  event_type text NOT NULL,
  channel text,
  event_raw bytea NOT NULL,
  body_sha256 text NOT NULL,
  ignored_reason text,
  provider_created_at timestamptz,
  received_at timestamptz NOT NULL,
  enqueued_at timestamptz,
  UNIQUE (provider, event_id, firm_id)
);
CREATE INDEX ON webhook_spill (enqueued_at NULLS FIRST, id);

-- Bodies too large to ride in a job, until their event is finished.
CREATE TABLE webhook_bodies (
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  event_id text NOT NULL,
  body bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (provider, event_id, firm_id)
);

-- The walls --------------------------------------------------------------------------------------------------------

-- The session's firms as an array, read once per statement. Rows without a firm are the platform's.
DO $$
DECLARE
  walled text;
BEGIN
  FOREACH walled IN ARRAY ARRAY[
    'webhook_endpoints', 'webhook_endpoint_secrets', 'webhook_endpoint_accounts', 'webhook_accounts',
    'finance_invoices', 'finance_payments', 'esignature_envelopes', 'esignature_recipients', 'sms_conversations', 'sms_messages',
    'finance_stripe_webhook_events', 'finance_square_webhook_events', 'esignature_webhook_events', 'sms_webhook_events',
    'webhook_attempts', 'domain_changes', 'webhook_deliveries', 'webhook_quarantine', 'webhook_spill', 'webhook_bodies'
  ] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', walled);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', walled);
    EXECUTE format($policy$
      CREATE POLICY firm_wall ON %I USING (
        firm_id = ANY ((SELECT NULLIF(current_setting('semel.firm_ids', true), ''))::uuid[])
        OR (firm_id IS NULL AND (SELECT current_setting('semel.platform', true)) = 'on')
      )$policy$, walled);
  END LOOP;
END
$$;
ALTER TABLE firms ENABLE ROW LEVEL SECURITY;
ALTER TABLE firms FORCE ROW LEVEL SECURITY;
CREATE POLICY firm_wall ON firms
  USING (id = ANY ((SELECT NULLIF(current_setting('semel.firm_ids', true), ''))::uuid[]));

-- The only ways across: these three functions, owned by a role that can read just the tables they need. A function owned
-- by an ordinary table owner would see nothing under forced row-level security.
GRANT SELECT ON firms, webhook_endpoints, webhook_endpoint_secrets, webhook_endpoint_accounts, webhook_accounts TO semel_lookup;
CREATE POLICY lookup ON firms FOR SELECT TO semel_lookup USING (true);
CREATE POLICY lookup ON webhook_endpoints FOR SELECT TO semel_lookup USING (true);
CREATE POLICY lookup ON webhook_endpoint_secrets FOR SELECT TO semel_lookup USING (true);
CREATE POLICY lookup ON webhook_endpoint_accounts FOR SELECT TO semel_lookup USING (true);
CREATE POLICY lookup ON webhook_accounts FOR SELECT TO semel_lookup USING (true);

CREATE FUNCTION semel_firms() RETURNS TABLE (id uuid, slug text, name text, created_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT f.id, f.slug, f.name, f.created_at FROM public.firms f ORDER BY f.slug $$;

-- Every endpoint that takes deliveries, with its secrets as they are stored: encrypted.
CREATE FUNCTION semel_endpoints() RETURNS TABLE (
  id uuid, key text, provider text, firm_id uuid, mode text, public_url text, accounts text[], secrets jsonb
)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT e.id, e.key, e.provider, e.firm_id, e.mode, e.public_url,
      ARRAY(SELECT a.account FROM public.webhook_endpoint_accounts a WHERE a.endpoint_id = e.id ORDER BY 1),
      COALESCE((
        SELECT jsonb_agg(jsonb_build_object('id', s.id, 'keyId', s.key_id, 'sealed', encode(s.sealed, 'base64')) ORDER BY s.created_at)
        FROM public.webhook_endpoint_secrets s WHERE s.endpoint_id = e.id
      ), '[]')
    FROM public.webhook_endpoints e
    WHERE e.disabled_at IS NULL AND e.removed_at IS NULL
  $$;

CREATE FUNCTION semel_account_firms() RETURNS TABLE (provider text, account text, firm_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT a.provider, a.account, a.firm_id FROM public.webhook_accounts a $$;

REVOKE ALL ON FUNCTION semel_firms(), semel_endpoints(), semel_account_firms(), semel_touch_config() FROM PUBLIC;
-- Handing a function over takes membership in its new owner and that owner's right to create, both for this moment only.
GRANT semel_lookup TO CURRENT_USER;
GRANT CREATE ON SCHEMA public TO semel_lookup;
ALTER FUNCTION semel_firms() OWNER TO semel_lookup;
ALTER FUNCTION semel_endpoints() OWNER TO semel_lookup;
ALTER FUNCTION semel_account_firms() OWNER TO semel_lookup;
SET ROLE semel_lookup;
REVOKE ALL ON FUNCTION semel_firms(), semel_endpoints(), semel_account_firms() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION semel_endpoints(), semel_account_firms() TO semel_receiver;
GRANT EXECUTE ON FUNCTION semel_firms(), semel_account_firms() TO semel_console;
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM semel_lookup;
REVOKE semel_lookup FROM CURRENT_USER;

-- Rights, app by app -------------------------------------------------------------------------------------------------

-- receiver: reads its configuration; writes what it must set aside or sum up; never sees a firm's data.
GRANT SELECT ON webhook_config TO semel_receiver;
GRANT INSERT ON webhook_quarantine, webhook_bodies, webhook_spill TO semel_receiver;
GRANT SELECT, INSERT, UPDATE ON webhook_deliveries TO semel_receiver;

GRANT SELECT (firm_id, idempotency_key, duplicate_count, last_duplicate_at), UPDATE (duplicate_count, last_duplicate_at) ON finance_stripe_webhook_events TO semel_receiver;
GRANT SELECT (firm_id, idempotency_key, duplicate_count, last_duplicate_at), UPDATE (duplicate_count, last_duplicate_at) ON finance_square_webhook_events TO semel_receiver;
GRANT SELECT (firm_id, idempotency_key, duplicate_count, last_duplicate_at), UPDATE (duplicate_count, last_duplicate_at) ON esignature_webhook_events TO semel_receiver;
GRANT SELECT (firm_id, idempotency_key, duplicate_count, last_duplicate_at), UPDATE (duplicate_count, last_duplicate_at) ON sms_webhook_events TO semel_receiver;

-- worker: applies events. It appends history and can't rewrite it; it knows no endpoint, no secret and no list of firms.
GRANT SELECT, INSERT, UPDATE ON finance_stripe_webhook_events, finance_square_webhook_events, esignature_webhook_events, sms_webhook_events,
  finance_invoices, finance_payments, esignature_envelopes, esignature_recipients, sms_conversations, sms_messages TO semel_worker;
GRANT SELECT, INSERT ON webhook_attempts, domain_changes TO semel_worker;
GRANT SELECT, INSERT, UPDATE ON webhook_deliveries TO semel_worker;
GRANT INSERT ON webhook_quarantine TO semel_worker;
GRANT SELECT, DELETE ON webhook_bodies TO semel_worker;
GRANT SELECT, UPDATE, DELETE ON webhook_spill TO semel_worker;

-- console and command line: read everything that the chosen firms own, change the configuration, resolve quarantine.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO semel_console;
GRANT INSERT, UPDATE ON firms, webhook_endpoints TO semel_console;
GRANT INSERT, UPDATE, DELETE ON webhook_endpoint_secrets, webhook_endpoint_accounts, webhook_accounts TO semel_console;
GRANT UPDATE ON webhook_config TO semel_console;
GRANT UPDATE (resolved_at, resolution) ON webhook_quarantine TO semel_console;
