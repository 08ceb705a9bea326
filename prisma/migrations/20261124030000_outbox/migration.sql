-- Effects outside of the database: written by handlers in the apply transaction, delivered at least once after it.

-- Where a firm's effects may be sent, by name.
CREATE TABLE webhook_destinations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  firm_id uuid NOT NULL REFERENCES firms (id),
  name text NOT NULL,
  url text NOT NULL,
  key_id text NOT NULL,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  disabled_at timestamptz,
  UNIQUE (firm_id, name)
);

-- The guard: an effect of this name happened. It stays when the outbox is emptied, and is never deleted.
CREATE TABLE webhook_effects (
  firm_id uuid NOT NULL REFERENCES firms (id),
  effect_key text NOT NULL,
  provider text NOT NULL,
  event_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (firm_id, effect_key)
);
CREATE INDEX ON webhook_effects (provider, event_id);

-- The truth about what is still to be delivered: the queue in Redis is made from it, and can be lost.
CREATE TABLE webhook_outbox (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  firm_id uuid NOT NULL REFERENCES firms (id),
  effect_key text NOT NULL,
  provider text NOT NULL,
  event_id text NOT NULL,
  destination text NOT NULL,
  payload jsonb NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'dead')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  enqueued_at timestamptz,
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  delivered_at timestamptz,
  FOREIGN KEY (firm_id, effect_key) REFERENCES webhook_effects (firm_id, effect_key)
);
CREATE INDEX ON webhook_outbox (firm_id, created_at DESC);
CREATE INDEX ON webhook_outbox (firm_id, effect_key);
CREATE INDEX ON webhook_outbox (provider, event_id);
CREATE INDEX webhook_outbox_due_idx ON webhook_outbox (next_attempt_at) WHERE status = 'pending';
CREATE INDEX webhook_outbox_dead_idx ON webhook_outbox (created_at) WHERE status = 'dead';

DO $$
DECLARE
  walled text;
BEGIN
  FOREACH walled IN ARRAY ARRAY['webhook_destinations', 'webhook_effects', 'webhook_outbox'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', walled);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', walled);
    EXECUTE format($policy$
      CREATE POLICY firm_wall ON %I USING (
        firm_id = ANY ((SELECT NULLIF(current_setting('semel.firm_ids', true), ''))::uuid[])
      )$policy$, walled);
  END LOOP;
END
$$;

-- The one look across firms: ids of what is due, and whose it is. Everything else happens in the firm's own context.
-- `enqueued_at` keeps what was handed to the queue a while ago from being handed over again; the queue may have lost it since.
GRANT SELECT (id, firm_id, status, next_attempt_at, enqueued_at) ON webhook_outbox TO semel_lookup;
CREATE POLICY lookup ON webhook_outbox FOR SELECT TO semel_lookup USING (true);
CREATE FUNCTION semel_outbox_due(most integer DEFAULT 100, again_after interval DEFAULT '1 minute')
  RETURNS TABLE (id uuid, firm_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT o.id, o.firm_id FROM public.webhook_outbox o
    WHERE o.status = 'pending' AND o.next_attempt_at <= now()
      AND (o.enqueued_at IS NULL OR o.enqueued_at < o.next_attempt_at OR o.enqueued_at < now() - again_after)
    ORDER BY o.next_attempt_at LIMIT most
  $$;
REVOKE ALL ON FUNCTION semel_outbox_due(integer, interval) FROM PUBLIC;
-- Handing a function over takes membership in its new owner and that owner's right to create, both for this moment only.
GRANT semel_lookup TO CURRENT_USER;
GRANT CREATE ON SCHEMA public TO semel_lookup;
ALTER FUNCTION semel_outbox_due(integer, interval) OWNER TO semel_lookup;
SET ROLE semel_lookup;
REVOKE ALL ON FUNCTION semel_outbox_due(integer, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION semel_outbox_due(integer, interval) TO semel_worker;
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM semel_lookup;
REVOKE semel_lookup FROM CURRENT_USER;

-- worker: appends effects and can't take them back; of a row it settles how the delivery went, never what is delivered.
GRANT SELECT ON webhook_destinations TO semel_worker;
GRANT SELECT, INSERT ON webhook_effects TO semel_worker;
GRANT SELECT, INSERT, UPDATE (status, attempts, next_attempt_at, enqueued_at, last_error, delivered_at) ON webhook_outbox TO semel_worker;

-- console and command line
GRANT SELECT ON webhook_destinations, webhook_effects, webhook_outbox TO semel_console;
GRANT INSERT, DELETE, UPDATE (url, key_id, sealed, updated_at, disabled_at) ON webhook_destinations TO semel_console;
GRANT UPDATE (status, attempts, next_attempt_at, enqueued_at) ON webhook_outbox TO semel_console;
