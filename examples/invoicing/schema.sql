-- Your own table. Handlers run as semel_worker in the context of one firm: grant that role the rights it needs, and isolate
-- firms by row-level security as in Semel's own tables.
CREATE TABLE booked_payments (
  firm_id uuid NOT NULL REFERENCES firms (id),
  invoice text NOT NULL,
  amount bigint NOT NULL,
  currency text NOT NULL,
  booked_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (firm_id, invoice)
);
ALTER TABLE booked_payments ENABLE ROW LEVEL SECURITY;
ALTER TABLE booked_payments FORCE ROW LEVEL SECURITY;
CREATE POLICY firm_wall ON booked_payments USING (
  firm_id = ANY ((SELECT NULLIF(current_setting('semel.firm_ids', true), ''))::uuid[])
);
GRANT SELECT, INSERT, UPDATE ON booked_payments TO semel_worker;
