-- A recipient who is missing from a later full list of the envelope's recipients was taken out. The newest list stays with the
-- envelope, behind a guard of its own; `status` of a recipient follows from it and from what their own events say.
ALTER TABLE esignature_envelopes
  ADD COLUMN recipient_ids text[],
  ADD COLUMN recipients_order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN recipients_order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN recipients_order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN recipients_order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN recipients_order_event text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN recipients_order_changed_by text COLLATE "C" NOT NULL DEFAULT '';

-- While an envelope is out, a recipient may also go back to `created`: their turn is not yet. Time decides among these.
ALTER TABLE esignature_recipients ADD COLUMN own_status text, NO FORCE ROW LEVEL SECURITY;
UPDATE esignature_recipients SET own_status = status,
  order_rank = CASE WHEN status = 'created' AND order_rank >= 0 THEN 2 ELSE order_rank END;
ALTER TABLE esignature_recipients FORCE ROW LEVEL SECURITY;
