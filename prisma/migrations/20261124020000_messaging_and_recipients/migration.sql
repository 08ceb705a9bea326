-- Envelopes: facts that have nothing to do with the status, each the latest that was told of. Recipients: who they are to
-- the envelope, and when. No names and no addresses: those are in the events' bytes alone.
ALTER TABLE esignature_envelopes
  ADD COLUMN corrected_at timestamptz,
  ADD COLUMN resent_at timestamptz,
  ADD COLUMN purged_at timestamptz,
  ADD COLUMN deleted_at timestamptz;
ALTER TABLE esignature_recipients
  ADD COLUMN role_type text,
  ADD COLUMN routing_order integer,
  ADD COLUMN sent_at timestamptz,
  ADD COLUMN delivered_at timestamptz,
  ADD COLUMN declined_reason text;

-- The guard now counts twice the rank of the status, plus one where the message had the envelope's data. Rows from before
-- count as without. The owner is behind the walls as well, and has to step out for this.
ALTER TABLE esignature_envelopes NO FORCE ROW LEVEL SECURITY;
ALTER TABLE esignature_recipients NO FORCE ROW LEVEL SECURITY;
UPDATE esignature_envelopes
  SET order_major = CASE WHEN order_major = 4 AND status <> 'deleted' THEN 10 ELSE order_major * 2 END WHERE order_major > 0;
UPDATE esignature_recipients
  SET order_major = CASE WHEN order_major = 4 AND status <> 'deleted' THEN 10 ELSE order_major * 2 END WHERE order_major > 0;
ALTER TABLE esignature_envelopes FORCE ROW LEVEL SECURITY;
ALTER TABLE esignature_recipients FORCE ROW LEVEL SECURITY;

-- Whether they want to hear from us has a guard of its own in the conversation's row.
ALTER TABLE sms_conversations
  ADD COLUMN opted_out_at timestamptz,
  ADD COLUMN last_inbound_at timestamptz,
  ADD COLUMN opt_out_order_major bigint NOT NULL DEFAULT -1,
  ADD COLUMN opt_out_order_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN opt_out_order_event text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE sms_messages ADD COLUMN account_sid text;

-- Envelopes whose messages came without data, and when DocuSign was last asked for each: at most once in 15 minutes, whoever
-- asks.
CREATE TABLE esignature_envelope_polls (
  envelope_id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  account text NOT NULL,
  external_id text NOT NULL,
  wanted_at timestamptz,
  asked_at timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  FOREIGN KEY (firm_id, envelope_id) REFERENCES esignature_envelopes (firm_id, id)
);
CREATE INDEX ON esignature_envelope_polls (firm_id, wanted_at);

ALTER TABLE esignature_envelope_polls ENABLE ROW LEVEL SECURITY;
ALTER TABLE esignature_envelope_polls FORCE ROW LEVEL SECURITY;
CREATE POLICY firm_wall ON esignature_envelope_polls USING (
  firm_id = ANY ((SELECT NULLIF(current_setting('semel.firm_ids', true), ''))::uuid[])
  OR (firm_id IS NULL AND (SELECT current_setting('semel.platform', true)) = 'on')
);
GRANT SELECT, INSERT, UPDATE ON esignature_envelope_polls TO semel_worker;
GRANT SELECT ON esignature_envelope_polls TO semel_console;
-- DocuSign is asked only for accounts that are mapped to the firm: the worker reads that, of its own firms, and no more.
GRANT SELECT (provider, account, firm_id) ON webhook_accounts TO semel_worker;
