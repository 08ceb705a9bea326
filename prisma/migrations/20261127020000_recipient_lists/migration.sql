-- A recipient who is missing from a later full list of the envelope's recipients was taken out. The newest list stays, behind a
-- guard of its own; the `status` of a recipient follows from it and from what their own events say.
CREATE TABLE esignature_recipient_lists (
  id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  external_id text NOT NULL,
  envelope_id uuid,
  recipient_ids text[],
  order_rank bigint NOT NULL DEFAULT -1,
  order_time bigint NOT NULL DEFAULT 0,
  order_step bigint[] NOT NULL DEFAULT '{}',
  order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  order_event text COLLATE "C" NOT NULL,
  order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (firm_id, envelope_id) REFERENCES esignature_envelopes (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  UNIQUE (firm_id, id),
  UNIQUE (firm_id, provider, external_id)
);
CREATE INDEX ON esignature_recipient_lists (firm_id, envelope_id);
ALTER TABLE esignature_recipient_lists ENABLE ROW LEVEL SECURITY;
ALTER TABLE esignature_recipient_lists FORCE ROW LEVEL SECURITY;
CREATE POLICY firm_wall ON esignature_recipient_lists USING (
  firm_id = ANY ((SELECT NULLIF(current_setting('semel.firm_ids', true), ''))::uuid[])
  OR (firm_id IS NULL AND (SELECT current_setting('semel.platform', true)) = 'on')
);
GRANT SELECT, INSERT, UPDATE ON esignature_recipient_lists TO semel_worker;
GRANT SELECT ON esignature_recipient_lists TO semel_console;

-- While an envelope is out, a recipient may also go back to `created`: their turn is not yet. Time decides among these.
ALTER TABLE esignature_recipients ADD COLUMN own_status text, NO FORCE ROW LEVEL SECURITY;
UPDATE esignature_recipients SET own_status = status,
  order_rank = CASE WHEN status = 'created' AND order_rank >= 0 THEN 2 ELSE order_rank END;
ALTER TABLE esignature_recipients FORCE ROW LEVEL SECURITY;
