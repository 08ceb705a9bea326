-- The guard of every object: how far it has come, the provider's time in nanoseconds, a step inside that time, when Semel first
-- received the event, its id. `order_changed_by` is the event that last changed what the row says.
--
-- The numbers were the provider's own before: Stripe's seconds (millions of them for charges, with the part that was refunded),
-- Square's microseconds (doubled, where there was a version instead), DocuSign's milliseconds. The step is as much as the row
-- still says of it, so that what came before in the same moment still comes too late. A list that begins alike and goes on
-- is greater: where that is all, the next event of the moment wins.
--
-- A worker of an older release can't write these rows any more. It leaves its jobs alone, without an attempt, until it is replaced.

ALTER TABLE finance_invoices
  ADD COLUMN order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  NO FORCE ROW LEVEL SECURITY;
UPDATE finance_invoices SET
  order_rank = order_major,
  order_time = LEAST(GREATEST(CASE provider WHEN 'stripe' THEN order_minor::numeric * 1000000000 ELSE CASE WHEN order_major = 0 THEN (order_minor / 2)::numeric * 1000 ELSE 0 END END, 0), 9223372036854775807)::bigint,
  order_step = CASE WHEN order_major < 0 THEN '{}' ELSE ARRAY[1, COALESCE(amount_paid, 0)] END,
  order_received_at = updated_at,
  order_changed_by = CASE WHEN order_major < 0 THEN '' ELSE order_event END;
ALTER TABLE finance_invoices DROP COLUMN order_major, DROP COLUMN order_minor, FORCE ROW LEVEL SECURITY;

ALTER TABLE finance_payments
  ADD COLUMN order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  NO FORCE ROW LEVEL SECURITY;
UPDATE finance_payments SET
  order_rank = CASE WHEN provider = 'square' AND order_major > 0 THEN 0 ELSE order_major END,
  order_time = LEAST(GREATEST(CASE WHEN provider = 'square' THEN order_major::numeric * 1000
    WHEN order_minor >= 1000000000000 THEN (order_minor / 1000000)::numeric * 1000000000
    ELSE order_minor::numeric * 1000000000 END, 0), 9223372036854775807)::bigint,
  order_step = CASE WHEN order_major < 0 THEN '{}' ELSE CASE
    WHEN provider = 'square' THEN ARRAY[1, CASE WHEN order_minor = 1 THEN 2 WHEN status = 'APPROVED' THEN 1 ELSE 0 END]
    WHEN order_minor >= 1000000000000 THEN ARRAY[CEIL((order_minor % 1000000)::numeric * COALESCE(amount, 0) / 999999)::bigint]
    ELSE ARRAY[1] END END,
  order_received_at = updated_at,
  order_changed_by = CASE WHEN order_major < 0 THEN '' ELSE order_event END;
ALTER TABLE finance_payments DROP COLUMN order_major, DROP COLUMN order_minor, FORCE ROW LEVEL SECURITY;

ALTER TABLE finance_charges
  ADD COLUMN order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  NO FORCE ROW LEVEL SECURITY;
UPDATE finance_charges SET
  order_rank = order_major,
  order_time = LEAST(GREATEST((order_minor / 1000000)::numeric * 1000000000, 0), 9223372036854775807)::bigint,
  order_step = CASE WHEN order_major < 0 THEN '{}' ELSE ARRAY[COALESCE(amount_refunded, 0)] END,
  order_received_at = updated_at,
  order_changed_by = CASE WHEN order_major < 0 THEN '' ELSE order_event END;
ALTER TABLE finance_charges DROP COLUMN order_major, DROP COLUMN order_minor, FORCE ROW LEVEL SECURITY;

ALTER TABLE finance_refunds
  ADD COLUMN order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  NO FORCE ROW LEVEL SECURITY;
UPDATE finance_refunds SET
  order_rank = order_major,
  order_time = LEAST(GREATEST(CASE provider WHEN 'stripe' THEN order_minor::numeric * 1000000000 ELSE CASE WHEN order_major = 0 THEN (order_minor / 2)::numeric * 1000 ELSE 0 END END, 0), 9223372036854775807)::bigint,
  order_step = CASE WHEN order_major < 0 THEN '{}' ELSE CASE provider WHEN 'square' THEN ARRAY[1, order_minor % 2] ELSE ARRAY[1] END END,
  order_received_at = updated_at,
  order_changed_by = CASE WHEN order_major < 0 THEN '' ELSE order_event END;
ALTER TABLE finance_refunds DROP COLUMN order_major, DROP COLUMN order_minor, FORCE ROW LEVEL SECURITY;

ALTER TABLE finance_disputes
  ADD COLUMN order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  NO FORCE ROW LEVEL SECURITY;
UPDATE finance_disputes SET
  order_rank = order_major,
  order_time = LEAST(GREATEST(CASE provider WHEN 'stripe' THEN order_minor::numeric * 1000000000 ELSE CASE WHEN order_major = 0 THEN (order_minor / 2)::numeric * 1000 ELSE 0 END END, 0), 9223372036854775807)::bigint,
  order_step = CASE WHEN order_major < 0 THEN '{}' ELSE CASE provider WHEN 'square' THEN ARRAY[1, order_minor % 2] ELSE ARRAY[1] END END,
  order_received_at = updated_at,
  order_changed_by = CASE WHEN order_major < 0 THEN '' ELSE order_event END;
ALTER TABLE finance_disputes DROP COLUMN order_major, DROP COLUMN order_minor, FORCE ROW LEVEL SECURITY;

ALTER TABLE finance_invoice_payments
  ADD COLUMN order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  NO FORCE ROW LEVEL SECURITY;
UPDATE finance_invoice_payments SET
  order_rank = order_major,
  order_time = LEAST(GREATEST(order_minor::numeric * 1000000000, 0), 9223372036854775807)::bigint,
  order_step = CASE WHEN order_major < 0 THEN '{}' ELSE ARRAY[COALESCE(amount_paid, 0)] END,
  order_received_at = updated_at,
  order_changed_by = CASE WHEN order_major < 0 THEN '' ELSE order_event END;
ALTER TABLE finance_invoice_payments DROP COLUMN order_major, DROP COLUMN order_minor, FORCE ROW LEVEL SECURITY;

ALTER TABLE finance_checkout_sessions
  ADD COLUMN order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  NO FORCE ROW LEVEL SECURITY;
UPDATE finance_checkout_sessions SET
  order_rank = order_major,
  order_time = LEAST(GREATEST(order_minor::numeric * 1000000000, 0), 9223372036854775807)::bigint,
  order_received_at = updated_at,
  order_changed_by = CASE WHEN order_major < 0 THEN '' ELSE order_event END;
ALTER TABLE finance_checkout_sessions DROP COLUMN order_major, DROP COLUMN order_minor, FORCE ROW LEVEL SECURITY;

ALTER TABLE esignature_envelopes
  ADD COLUMN order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  NO FORCE ROW LEVEL SECURITY;
UPDATE esignature_envelopes SET
  order_rank = CASE WHEN order_major BETWEEN 2 AND 5 THEN 2 ELSE order_major END,
  order_time = LEAST(GREATEST(order_minor::numeric * 1000000, 0), 9223372036854775807)::bigint,
  order_step = CASE WHEN order_major < 0 THEN '{}' ELSE ARRAY[order_major % 2] END,
  order_received_at = updated_at,
  order_changed_by = CASE WHEN order_major < 0 THEN '' ELSE order_event END;
ALTER TABLE esignature_envelopes DROP COLUMN order_major, DROP COLUMN order_minor, FORCE ROW LEVEL SECURITY;

ALTER TABLE esignature_recipients
  ADD COLUMN order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  NO FORCE ROW LEVEL SECURITY;
UPDATE esignature_recipients SET
  order_rank = CASE WHEN order_major BETWEEN 2 AND 5 THEN 2 ELSE order_major END,
  order_time = LEAST(GREATEST(order_minor::numeric * 1000000, 0), 9223372036854775807)::bigint,
  order_step = CASE WHEN order_major < 0 THEN '{}' ELSE ARRAY[order_major % 2] END,
  order_received_at = updated_at,
  order_changed_by = CASE WHEN order_major < 0 THEN '' ELSE order_event END;
ALTER TABLE esignature_recipients DROP COLUMN order_major, DROP COLUMN order_minor, FORCE ROW LEVEL SECURITY;

ALTER TABLE sms_conversations
  ADD COLUMN order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  NO FORCE ROW LEVEL SECURITY;
UPDATE sms_conversations SET
  order_rank = order_major,
  order_time = LEAST(GREATEST(0, 0), 9223372036854775807)::bigint,
  order_received_at = updated_at,
  order_changed_by = CASE WHEN order_major < 0 THEN '' ELSE order_event END;
ALTER TABLE sms_conversations DROP COLUMN order_major, DROP COLUMN order_minor, FORCE ROW LEVEL SECURITY;

ALTER TABLE sms_messages
  ADD COLUMN order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  NO FORCE ROW LEVEL SECURITY;
UPDATE sms_messages SET
  order_rank = order_major,
  order_time = LEAST(GREATEST(0, 0), 9223372036854775807)::bigint,
  order_received_at = updated_at,
  order_changed_by = CASE WHEN order_major < 0 THEN '' ELSE order_event END;
ALTER TABLE sms_messages DROP COLUMN order_major, DROP COLUMN order_minor, FORCE ROW LEVEL SECURITY;

-- Whether they want to hear from us: the time was that of receipt.
ALTER TABLE sms_conversations
  ADD COLUMN opt_out_order_rank bigint NOT NULL DEFAULT -1,
  ADD COLUMN opt_out_order_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN opt_out_order_step bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN opt_out_order_received_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  ADD COLUMN opt_out_order_changed_by text COLLATE "C" NOT NULL DEFAULT '',
  NO FORCE ROW LEVEL SECURITY;
UPDATE sms_conversations SET
  opt_out_order_rank = 0,
  opt_out_order_received_at = to_timestamp(opt_out_order_major / 1000.0),
  opt_out_order_changed_by = opt_out_order_event
WHERE opt_out_order_major >= 0;
ALTER TABLE sms_conversations
  DROP COLUMN opt_out_order_major, DROP COLUMN opt_out_order_minor, FORCE ROW LEVEL SECURITY;

-- When money went back: a charge that was told of before can't know of it.
ALTER TABLE finance_refunds ADD COLUMN refunded_at timestamptz;
