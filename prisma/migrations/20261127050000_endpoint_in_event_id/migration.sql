-- The event id of `standard` is `<webhook id>@<last group of the endpoint's id>` from now on: these ids are unique per endpoint
-- only. Marks that are not needed any more are removed: `id=` before an id that the queue refused, and `~<firm slug>` after one
-- that was another firm's.
--
-- `webhook_bodies` does not know the endpoint and keeps its ids: the job that refers to a body has the endpoint and the old id.
--
-- An older release can't write its ids any more (the CHECKs at the end). Its workers leave their `standard` jobs alone, without
-- an attempt. Its receivers go on enqueuing `standard` events, and answer 503 if they would spill or quarantine one.

ALTER TABLE standard_webhook_events NO FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_attempts NO FORCE ROW LEVEL SECURITY;
ALTER TABLE domain_changes NO FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_effects NO FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_outbox NO FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries NO FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_spill NO FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_quarantine NO FORCE ROW LEVEL SECURITY;

-- One event of an endpoint may be in the ledger twice, once with `~<firm slug>`: the second row keeps that mark.
CREATE TABLE semel_renamed_events AS
  SELECT id, firm_id, event_id AS old_id,
    base || '@' || split_part(endpoint_id::text, '-', 5)
      || CASE WHEN row_number() OVER (PARTITION BY endpoint_id, base ORDER BY event_id LIKE '%~%', id) = 1 THEN ''
           ELSE substring(event_id FROM '~.*$') END AS new_id
  FROM (
    SELECT id, firm_id, endpoint_id, event_id, regexp_replace(event_id, '^(id=)?([^~]*).*$', '\2') AS base
    FROM standard_webhook_events WHERE event_id NOT LIKE '%@%'
  ) AS old;

-- These tables have no endpoint, so they follow the ledger.
UPDATE webhook_attempts AS a SET event_id = r.new_id FROM semel_renamed_events r
  WHERE a.provider = 'standard' AND a.event_id = r.old_id AND a.firm_id = r.firm_id;
UPDATE domain_changes AS c SET event_id = r.new_id FROM semel_renamed_events r
  WHERE c.provider = 'standard' AND c.event_id = r.old_id AND c.firm_id = r.firm_id;
UPDATE webhook_effects AS e SET event_id = r.new_id FROM semel_renamed_events r
  WHERE e.provider = 'standard' AND e.event_id = r.old_id AND e.firm_id = r.firm_id;
UPDATE webhook_outbox AS o SET event_id = r.new_id FROM semel_renamed_events r
  WHERE o.provider = 'standard' AND o.event_id = r.old_id AND o.firm_id = r.firm_id;
UPDATE standard_webhook_events AS t SET event_id = r.new_id, idempotency_key = 'standard:' || r.new_id
  FROM semel_renamed_events r WHERE t.id = r.id;
DROP TABLE semel_renamed_events;

-- `\1` is the id without its marks, `\2` the firm's mark.
UPDATE webhook_deliveries SET event_id = regexp_replace(event_id, '^(?:id=)?([^~]*)(~.*)?$', '\1@' || split_part(endpoint_id::text, '-', 5) || '\2')
  WHERE provider = 'standard' AND event_id NOT LIKE '%@%' AND endpoint_id IS NOT NULL;
UPDATE webhook_spill SET event_id = regexp_replace(event_id, '^(?:id=)?([^~]*)(~.*)?$', '\1@' || split_part(endpoint_id::text, '-', 5) || '\2')
  WHERE provider = 'standard' AND event_id NOT LIKE '%@%';
UPDATE webhook_quarantine SET event_id = regexp_replace(event_id, '^(?:id=)?([^~]*)(~.*)?$', '\1@' || split_part(endpoint_id::text, '-', 5) || '\2')
  WHERE provider = 'standard' AND event_id NOT LIKE '%@%';

ALTER TABLE standard_webhook_events
  DROP CONSTRAINT IF EXISTS standard_webhook_events_endpoint_in_id,
  ADD CONSTRAINT standard_webhook_events_endpoint_in_id CHECK (event_id LIKE '%@%'),
  FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_spill
  DROP CONSTRAINT IF EXISTS webhook_spill_endpoint_in_id,
  ADD CONSTRAINT webhook_spill_endpoint_in_id CHECK (provider <> 'standard' OR event_id LIKE '%@%'),
  FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_quarantine
  DROP CONSTRAINT IF EXISTS webhook_quarantine_endpoint_in_id,
  ADD CONSTRAINT webhook_quarantine_endpoint_in_id CHECK (provider <> 'standard' OR event_id LIKE '%@%'),
  FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_attempts FORCE ROW LEVEL SECURITY;
ALTER TABLE domain_changes FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_effects FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_outbox FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;

-- The receiver compares the endpoints of duplicates with that of the event.
GRANT SELECT (endpoint_id) ON finance_stripe_webhook_events, finance_square_webhook_events, esignature_webhook_events,
  sms_webhook_events TO semel_receiver;
