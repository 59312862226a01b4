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
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    payee TEXT COLLATE "C" NOT NULL,        -- pub_… or shp_…
    rail TEXT COLLATE "C" NOT NULL,
    -- created | reserved | sending | accepted | paid | declined | unknown | returned
    state TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT COLLATE "C" NOT NULL,
    destination TEXT COLLATE "C" NOT NULL,  -- where the rail sends it
    request_id TEXT COLLATE "C" NOT NULL,   -- the rail's name for it: the same for ever
    request TEXT COLLATE "C" NOT NULL,      -- exact body
    reserved_by TEXT COLLATE "C" NOT NULL,  -- transaction of the reserve
    rail_reference TEXT COLLATE "C",        -- the rail's own name, once it has paid
    detail TEXT COLLATE "C",                -- last answer, for people
    sends BIGINT NOT NULL,                  -- how often bytes may have left
    fence BIGINT NOT NULL,                  -- raised with every lease: an older worker writes nothing
    leased_until BIGINT,
    look_at BIGINT NOT NULL,                -- when a worker looks at it again
    resolved_by TEXT COLLATE "C",           -- id of the key that settled an unknown
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, rail, request_id)
);
CREATE INDEX payouts_by_payee ON payouts (tenant_id, payee, id);
CREATE INDEX payouts_by_run ON payouts (tenant_id, run_id, id);
CREATE INDEX payouts_open ON payouts (tenant_id, look_at)
    WHERE state IN ('reserved', 'sending', 'accepted', 'unknown');

-- One run: who made it, and who else agreed.
CREATE TABLE payout_runs (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,        -- waiting (for a second person) | approved | rejected
    rail TEXT COLLATE "C",                  -- NULL: each payee's own
    made_by TEXT COLLATE "C" NOT NULL,
    decided_by TEXT COLLATE "C",
    skipped TEXT COLLATE "C" NOT NULL,      -- JSON array: who was left out, and why
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

-- Corrections by hand: one person asks, another agrees.
CREATE TABLE adjustments (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    payee TEXT COLLATE "C" NOT NULL,        -- pub_… or shp_…
    amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
    currency TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    conversion_id TEXT COLLATE "C",         -- what it corrects, where it is one
    status TEXT COLLATE "C" NOT NULL,       -- proposed | approved | rejected
    made_by TEXT COLLATE "C" NOT NULL,
    decided_by TEXT COLLATE "C",
    decided_at BIGINT,
    transaction_id TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- Money that came in from advertisers or went to the state.
CREATE TABLE payments (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,         -- advertiser | tax
    subject TEXT COLLATE "C" NOT NULL,      -- adv_… or int_…; a tax component
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,      -- rail or bank account that the money stands on
    reference TEXT COLLATE "C" NOT NULL,    -- the bank's own name of it: booked once
    made_by TEXT COLLATE "C" NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, kind, account, reference)
);

-- Months whose conversions nobody outside changes any more.
CREATE TABLE locked_periods (
    tenant_id TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL,        -- YYYY-MM in the tenant's time zone
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL,                  -- first instant of the next month
    locked_by TEXT COLLATE "C" NOT NULL,
    locked_at BIGINT NOT NULL,
    head_seq BIGINT NOT NULL,               -- where the chain stood
    PRIMARY KEY (tenant_id, month)
);

-- Rates of exchange by day.
CREATE TABLE fx_rates (
    tenant_id TEXT COLLATE "C" NOT NULL,
    on_day TEXT COLLATE "C" NOT NULL,       -- YYYY-MM-DD
    base TEXT COLLATE "C" NOT NULL,
    quote TEXT COLLATE "C" NOT NULL,
    rate_e9 BIGINT NOT NULL CHECK (rate_e9 > 0), -- units of quote for one of base, times 10^9
    set_by TEXT COLLATE "C" NOT NULL,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, on_day, base, quote)
);

SELECT sys.guard('payouts', 'payout_runs', 'adjustments', 'payments', 'locked_periods', 'fx_rates');
