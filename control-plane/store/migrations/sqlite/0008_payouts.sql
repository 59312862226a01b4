-- Money that belongs to no conversion: payouts, corrections, payments; and what was advanced.

-- Commands are about more than conversions: a payout, a correction, a payment.
ALTER TABLE ledger_commands RENAME COLUMN conversion_id TO subject;

-- What of a conversion's net was paid before its release.
ALTER TABLE conversions ADD COLUMN advanced_minor BIGINT NOT NULL DEFAULT 0;
CREATE INDEX conversions_advanced ON conversions (tenant_id, advertiser_id) WHERE advanced_minor > 0;

-- Nobody could make a payout before.
DROP TABLE payouts;

-- Disbursements. Payee, amount, destination and request stand from the first moment and never change.
CREATE TABLE payouts (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    payee TEXT NOT NULL,                        -- pub_… or shp_…
    rail TEXT NOT NULL,
    state TEXT NOT NULL,                        -- created | reserved | sending | accepted | paid | declined | unknown | returned
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    destination TEXT NOT NULL,                  -- where the rail sends it
    request_id TEXT NOT NULL,                   -- the rail's name for it: the same for ever
    request TEXT NOT NULL,                      -- exact body
    reserved_by TEXT NOT NULL,                  -- transaction of the reserve
    rail_reference TEXT,                        -- the rail's own name, once it has paid
    detail TEXT,                                -- last answer, for people
    sends BIGINT NOT NULL,                      -- how often bytes may have left
    fence BIGINT NOT NULL,                      -- raised with every lease: an older worker writes nothing
    leased_until BIGINT,
    look_at BIGINT NOT NULL,                    -- when a worker looks at it again
    resolved_by TEXT,                           -- id of the key that settled an unknown
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, rail, request_id)
) WITHOUT ROWID;
CREATE INDEX payouts_by_payee ON payouts (tenant_id, payee, id);
CREATE INDEX payouts_by_run ON payouts (tenant_id, run_id, id);
CREATE INDEX payouts_open ON payouts (tenant_id, look_at)
    WHERE state IN ('reserved', 'sending', 'accepted', 'unknown');

-- One run: who made it, and who else agreed.
CREATE TABLE payout_runs (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    state TEXT NOT NULL,                        -- waiting (for a second person) | approved | rejected
    rail TEXT,                                  -- NULL: each payee's own
    made_by TEXT NOT NULL,
    decided_by TEXT,
    skipped TEXT NOT NULL,                      -- JSON array: who was left out, and why
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;

-- Corrections by hand: one person asks, another agrees.
CREATE TABLE adjustments (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    payee TEXT NOT NULL,                        -- pub_… or shp_…
    amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
    currency TEXT NOT NULL,
    reason TEXT NOT NULL,
    conversion_id TEXT,                         -- what it corrects, where it is one
    status TEXT NOT NULL,                       -- proposed | approved | rejected
    made_by TEXT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    transaction_id TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;

-- Money that came in from advertisers or went to the state.
CREATE TABLE payments (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,                         -- advertiser | tax
    subject TEXT NOT NULL,                      -- adv_… or int_…; a tax component
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    account TEXT NOT NULL,                      -- rail or bank account that the money stands on
    reference TEXT NOT NULL,                    -- the bank's own name of it: booked once
    made_by TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, kind, account, reference)
) WITHOUT ROWID;

-- Months whose conversions nobody outside changes any more.
CREATE TABLE locked_periods (
    tenant_id TEXT NOT NULL,
    month TEXT NOT NULL,                        -- YYYY-MM in the tenant's time zone
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL,                      -- first instant of the next month
    locked_by TEXT NOT NULL,
    locked_at BIGINT NOT NULL,
    head_seq BIGINT NOT NULL,                   -- where the chain stood
    PRIMARY KEY (tenant_id, month)
) WITHOUT ROWID;

-- Rates of exchange by day.
CREATE TABLE fx_rates (
    tenant_id TEXT NOT NULL,
    on_day TEXT NOT NULL,                       -- YYYY-MM-DD
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    rate_e9 BIGINT NOT NULL CHECK (rate_e9 > 0), -- units of quote for one of base, times 10^9
    set_by TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, on_day, base, quote)
) WITHOUT ROWID;
