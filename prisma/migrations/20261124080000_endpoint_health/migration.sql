-- How deliveries to an endpoint were answered lately: one row each, so that a silent or failing endpoint shows before its
-- provider gives it up. Times are the receivers'; `refused_since` is the first refusal after the last 2xx.
CREATE TABLE webhook_endpoint_health (
  endpoint_id uuid PRIMARY KEY REFERENCES webhook_endpoints (id),
  firm_id uuid REFERENCES firms (id),
  acknowledged_at timestamptz,
  refused_since timestamptz,
  refused_at timestamptz
);

-- The wall: the same words as on every other table.
ALTER TABLE webhook_endpoint_health ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_endpoint_health FORCE ROW LEVEL SECURITY;
CREATE POLICY firm_wall ON webhook_endpoint_health USING (
  firm_id = ANY ((SELECT NULLIF(current_setting('semel.firm_ids', true), ''))::uuid[])
  OR (firm_id IS NULL AND (SELECT current_setting('semel.platform', true)) = 'on')
);

GRANT SELECT, INSERT, UPDATE ON webhook_endpoint_health TO semel_receiver;
GRANT SELECT ON webhook_endpoint_health TO semel_console;
