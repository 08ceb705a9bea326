-- Append-only: who did what by hand. A row without a result is written before the action, so that one that died halfway shows;
-- a row with a result after it, under the same run. One row per firm that is touched, so that each firm's history is whole
-- behind its own wall; a firm that is not known yet, or none: the platform's.
CREATE TABLE operator_actions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id uuid NOT NULL,
  firm_id uuid REFERENCES firms (id),
  operator text NOT NULL,
  action text NOT NULL,
  params jsonb NOT NULL,
  result jsonb,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON operator_actions (firm_id, id);

-- The wall: the same words as on every other table.
ALTER TABLE operator_actions ENABLE ROW LEVEL SECURITY;
ALTER TABLE operator_actions FORCE ROW LEVEL SECURITY;
CREATE POLICY firm_wall ON operator_actions USING (
  firm_id = ANY ((SELECT NULLIF(current_setting('semel.firm_ids', true), ''))::uuid[])
  OR (firm_id IS NULL AND (SELECT current_setting('semel.platform', true)) = 'on')
);

-- console and command line: add to it, and can't rewrite it.
GRANT SELECT, INSERT ON operator_actions TO semel_console;
