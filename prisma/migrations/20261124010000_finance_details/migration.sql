-- What is known about a payment besides its own events: charges, refunds, disputes, the invoices that it pays, and the
-- checkout it came from. Each is a row of its own with a guard of its own. Columns of finance_payments that follow from
-- several rows are computed from them again whenever one of them moves.

CREATE TABLE finance_charges (
  id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  external_id text NOT NULL,
  payment_id uuid,
  status text,
  amount bigint,
  amount_captured bigint,
  amount_refunded bigint,
  currency text,
  failure_code text,
  failure_message text,
  paid_at timestamptz,
  customer_external_id text,
  told_at timestamptz,
  order_major bigint NOT NULL,
  order_minor bigint NOT NULL,
  order_event text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (firm_id, payment_id) REFERENCES finance_payments (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  UNIQUE (firm_id, id),
  UNIQUE (firm_id, provider, external_id)
);
CREATE INDEX ON finance_charges (firm_id, payment_id);

CREATE TABLE finance_refunds (
  id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  external_id text NOT NULL,
  payment_id uuid,
  charge_external_id text,
  status text,
  counts boolean,
  amount bigint,
  currency text,
  reason text,
  failure_reason text,
  told_at timestamptz,
  order_major bigint NOT NULL,
  order_minor bigint NOT NULL,
  order_event text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (firm_id, payment_id) REFERENCES finance_payments (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  UNIQUE (firm_id, id),
  UNIQUE (firm_id, provider, external_id)
);
CREATE INDEX ON finance_refunds (firm_id, payment_id);

CREATE TABLE finance_disputes (
  id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  external_id text NOT NULL,
  payment_id uuid,
  charge_external_id text,
  status text,
  amount bigint,
  currency text,
  reason text,
  due_at timestamptz,
  opened_at timestamptz,
  order_major bigint NOT NULL,
  order_minor bigint NOT NULL,
  order_event text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (firm_id, payment_id) REFERENCES finance_payments (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  UNIQUE (firm_id, id),
  UNIQUE (firm_id, provider, external_id)
);
CREATE INDEX ON finance_disputes (firm_id, payment_id);

-- One row per invoice and payment, whoever names the two together; its external_id is `<invoice>|<payment>`.
CREATE TABLE finance_invoice_payments (
  id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  external_id text NOT NULL,
  invoice_id uuid,
  payment_id uuid,
  status text,
  amount_requested bigint,
  amount_paid bigint,
  currency text,
  paid_at timestamptz,
  order_major bigint NOT NULL,
  order_minor bigint NOT NULL,
  order_event text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (firm_id, invoice_id) REFERENCES finance_invoices (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (firm_id, payment_id) REFERENCES finance_payments (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  UNIQUE (firm_id, id),
  UNIQUE (firm_id, provider, external_id)
);
CREATE INDEX ON finance_invoice_payments (firm_id, payment_id);
CREATE INDEX ON finance_invoice_payments (firm_id, invoice_id);

CREATE TABLE finance_checkout_sessions (
  id uuid PRIMARY KEY,
  firm_id uuid NOT NULL REFERENCES firms (id),
  provider text NOT NULL,
  external_id text NOT NULL,
  payment_id uuid,
  invoice_id uuid,
  status text,
  payment_status text,
  mode text,
  amount_total bigint,
  currency text,
  client_reference_id text,
  customer_external_id text,
  metadata jsonb,
  order_major bigint NOT NULL,
  order_minor bigint NOT NULL,
  order_event text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (firm_id, payment_id) REFERENCES finance_payments (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (firm_id, invoice_id) REFERENCES finance_invoices (firm_id, id) DEFERRABLE INITIALLY DEFERRED,
  UNIQUE (firm_id, id),
  UNIQUE (firm_id, provider, external_id)
);
CREATE INDEX ON finance_checkout_sessions (firm_id, payment_id);
CREATE INDEX ON finance_checkout_sessions (firm_id, invoice_id);

-- `own_*` is what the payment's own newest event says; the columns without `own_` are computed.
ALTER TABLE finance_payments
  ADD COLUMN dispute_status text,
  ADD COLUMN own_amount_refunded bigint,
  ADD COLUMN own_paid_at timestamptz,
  ADD COLUMN own_told_at timestamptz;

-- The owner of the table is behind the wall as well: it is lowered for this one statement, inside this transaction.
ALTER TABLE finance_payments NO FORCE ROW LEVEL SECURITY;
UPDATE finance_payments SET own_amount_refunded = amount_refunded, own_paid_at = paid_at
WHERE amount_refunded IS NOT NULL OR paid_at IS NOT NULL;
ALTER TABLE finance_payments FORCE ROW LEVEL SECURITY;

-- The walls and the rights, as every domain table has them.
DO $$
DECLARE
  walled text;
BEGIN
  FOREACH walled IN ARRAY ARRAY[
    'finance_charges', 'finance_refunds', 'finance_disputes', 'finance_invoice_payments', 'finance_checkout_sessions'
  ] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', walled);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', walled);
    EXECUTE format($policy$
      CREATE POLICY firm_wall ON %I USING (
        firm_id = ANY ((SELECT NULLIF(current_setting('semel.firm_ids', true), ''))::uuid[])
        OR (firm_id IS NULL AND (SELECT current_setting('semel.platform', true)) = 'on')
      )$policy$, walled);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO semel_worker', walled);
    EXECUTE format('GRANT SELECT ON %I TO semel_console', walled);
  END LOOP;
END
$$;
