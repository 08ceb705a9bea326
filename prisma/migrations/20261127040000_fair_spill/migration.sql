-- The relay takes rows of all firms in turn: what one firm has waiting must not keep the others' rows back.
CREATE INDEX webhook_spill_firm_id_due_at_id_idx ON webhook_spill (firm_id, due_at, id);
DROP INDEX webhook_spill_due_at_id_idx;

-- Replacing a function takes membership in its owner and that owner's right to create, both for this moment only.
GRANT semel_lookup TO CURRENT_USER;
GRANT CREATE ON SCHEMA public TO semel_lookup;
SET ROLE semel_lookup;
CREATE OR REPLACE FUNCTION semel_spill_due(providers text[], most integer) RETURNS TABLE (id bigint, firm_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$
    WITH RECURSIVE firms AS (
      (SELECT s.firm_id FROM public.webhook_spill s ORDER BY s.firm_id LIMIT 1)
      UNION ALL
      SELECT (SELECT s.firm_id FROM public.webhook_spill s WHERE s.firm_id > f.firm_id ORDER BY s.firm_id LIMIT 1)
      FROM firms f WHERE f.firm_id IS NOT NULL
    ), share AS (
      SELECT greatest(1, most / greatest(1, count(*))) AS rows FROM firms f WHERE f.firm_id IS NOT NULL
    )
    SELECT d.id, f.firm_id FROM firms f CROSS JOIN LATERAL (
      SELECT s.id, s.due_at FROM public.webhook_spill s
      WHERE s.firm_id = f.firm_id AND s.due_at <= now() AND s.provider = ANY (providers)
      ORDER BY s.due_at, s.id LIMIT (SELECT rows FROM share)
    ) d
    WHERE f.firm_id IS NOT NULL ORDER BY d.due_at, d.id LIMIT most
  $$;
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM semel_lookup;
REVOKE semel_lookup FROM CURRENT_USER;
