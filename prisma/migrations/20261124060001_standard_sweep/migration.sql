-- For the sweeper: rows that failed and may have lost their job. Their ids and whose they are, and no more.
CREATE INDEX standard_webhook_events_failed_idx ON standard_webhook_events (id) WHERE outcome = 'failed';
GRANT SELECT (id, firm_id, idempotency_key, outcome, received_at) ON standard_webhook_events TO semel_lookup;
CREATE POLICY lookup ON standard_webhook_events FOR SELECT TO semel_lookup USING (true);
