-- When the relay shall look at a row next. `enqueued_at` says that the queue was given it at least once.
ALTER TABLE webhook_spill
  ADD COLUMN due_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN last_error text;
DROP INDEX webhook_spill_enqueued_at_id_idx;
CREATE INDEX webhook_spill_due_at_id_idx ON webhook_spill (due_at, id);

-- The one look across firms: ids of what is due, and whose it is. Everything else happens in the firm's own context.
GRANT SELECT (id, firm_id, provider, due_at) ON webhook_spill TO semel_lookup;
CREATE POLICY lookup ON webhook_spill FOR SELECT TO semel_lookup USING (true);
CREATE FUNCTION semel_spill_due(providers text[], most integer) RETURNS TABLE (id bigint, firm_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT s.id, s.firm_id FROM public.webhook_spill s
    WHERE s.due_at <= now() AND s.provider = ANY (providers) ORDER BY s.due_at, s.id LIMIT most
  $$;
REVOKE ALL ON FUNCTION semel_spill_due(text[], integer) FROM PUBLIC;
-- Handing a function over takes membership in its new owner and that owner's right to create, both for this moment only.
GRANT semel_lookup TO CURRENT_USER;
GRANT CREATE ON SCHEMA public TO semel_lookup;
ALTER FUNCTION semel_spill_due(text[], integer) OWNER TO semel_lookup;
SET ROLE semel_lookup;
REVOKE ALL ON FUNCTION semel_spill_due(text[], integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION semel_spill_due(text[], integer) TO semel_worker;
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM semel_lookup;
REVOKE semel_lookup FROM CURRENT_USER;

-- receiver: of a row that is there it sees the key, and can only bring the relay's next look forward.
GRANT SELECT (firm_id, provider, event_id, received_at, due_at, enqueued_at), UPDATE (due_at, enqueued_at) ON webhook_spill TO semel_receiver;

-- worker: looks up how an event ended. The view asks with the worker's own rights, behind the same walls.
GRANT SELECT ON webhook_events TO semel_worker;
