-- From the journal to the ledger: offsets, the three locks, inbound, conversions, postings, rollups.
-- Columns are BIGINT, TEXT and BLOB only; times are microseconds since 1970, ids and JSON are text.

-- How far a consumer of one stream is. Moved by compare-and-set inside the database transaction of each batch.
CREATE TABLE consumer_offsets (
    grp TEXT NOT NULL,
    topic TEXT NOT NULL,                        -- embedded: the journal's id
    part TEXT NOT NULL,                         -- embedded: the lane
    next BIGINT NOT NULL,                       -- first record that is not processed
    last_event TEXT,                            -- event id of the last processed record, where it has one
    epoch BIGINT NOT NULL,                      -- raised on every assignment: an older consumer is fenced
    passed BIGINT NOT NULL,                     -- processed records that have no row in inbound: other kinds, lost ranges
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (grp, topic, part)
) WITHOUT ROWID;

-- Counts up with every change of what attribution reads, so that cached objects are dropped in time.
CREATE TABLE object_versions (
    tenant_id TEXT NOT NULL PRIMARY KEY,        -- empty: click keys
    version BIGINT NOT NULL,                    -- any of them
    terms_version BIGINT NOT NULL               -- those that decide amounts: checked again before posting
) WITHOUT ROWID;

-- Lock 1: every accepted inbound once. Kept longer than anything can replay.
CREATE TABLE inbox (
    tenant_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
) WITHOUT ROWID;

-- Lock 2: every revision of an order once, whatever door it comes through. Kept for ever.
CREATE TABLE business_keys (
    tenant_id TEXT NOT NULL,
    order_space TEXT NOT NULL,                  -- an advertiser's id; for a network integration the integration's
    order_ref TEXT NOT NULL,
    line TEXT NOT NULL,                         -- empty: the whole order
    action TEXT NOT NULL,
    revision BIGINT NOT NULL,                   -- 1 is the first news that counted
    conversion_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    claim_index BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, order_space, order_ref, line, action, revision)
) WITHOUT ROWID;

-- What outside systems told us and how it ended. Refused ones (not authenticated) are the last 200 per integration.
CREATE TABLE inbound (
    tenant_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    integration_id TEXT NOT NULL,
    advertiser_id TEXT,                         -- the integration's
    channel TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    processed_at BIGINT NOT NULL,
    topic TEXT NOT NULL,                        -- where it stood: conservation is counted from sequences
    part TEXT NOT NULL,
    seq BIGINT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    query TEXT NOT NULL,
    headers TEXT NOT NULL,                      -- JSON array of [name, value]
    body BLOB,                                  -- raw; NULL once its retention is over
    remote_prefix TEXT,
    is_signed BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    detail TEXT,                                -- for people
    claims TEXT NOT NULL,                       -- JSON array, as the adapter read them
    conversion_id TEXT,
    plugin TEXT,                                -- JSON {"name","version","sha256"} of the adapter
    attempts BIGINT NOT NULL,                   -- how often it went through the pipeline
    PRIMARY KEY (tenant_id, event_id)
);
CREATE INDEX inbound_by_integration ON inbound (tenant_id, integration_id, event_id);
-- Conservation is counted by place.
CREATE INDEX inbound_by_place ON inbound (topic, part, seq) WHERE outcome <> 'refused';
CREATE INDEX inbound_held ON inbound (tenant_id, processed_at) WHERE outcome = 'held' AND reason = 'adapter_error';

-- Claims nobody could be credited for, kept 90 days. With reason unknown_order: news parked until its order arrives.
CREATE TABLE unmatched (
    tenant_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    claim_index BIGINT NOT NULL,
    integration_id TEXT NOT NULL,
    advertiser_id TEXT,
    reason TEXT NOT NULL,
    order_space TEXT NOT NULL,
    order_ref TEXT NOT NULL,
    line TEXT NOT NULL,
    action TEXT NOT NULL,
    claim TEXT NOT NULL,                        -- JSON
    received_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    resolved_at BIGINT,                         -- its order came, or a replay matched it
    PRIMARY KEY (tenant_id, event_id, claim_index)
);
CREATE INDEX unmatched_open ON unmatched (tenant_id, order_ref) WHERE resolved_at IS NULL;

-- Which click brought which customer: the memory of first and last touch.
CREATE TABLE touches (
    tenant_id TEXT NOT NULL,
    advertiser_id TEXT NOT NULL,
    customer_key TEXT NOT NULL,
    click_id TEXT NOT NULL,
    clicked_at BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, advertiser_id, customer_key, click_id)
) WITHOUT ROWID;

-- The shopper named when a click was taken by an app or widget.
CREATE TABLE click_users (
    tenant_id TEXT NOT NULL,
    click_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, click_id)
) WITHOUT ROWID;

-- The journey: one row per claim, earning or not.
CREATE TABLE events (
    tenant_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    claim_index BIGINT NOT NULL,
    action TEXT NOT NULL,
    integration_id TEXT NOT NULL,
    advertiser_id TEXT,
    campaign_id TEXT,
    publisher_id TEXT,
    link_id TEXT,
    click_id TEXT,
    order_ref TEXT,
    customer_key TEXT,
    amount TEXT,                                -- decimal text as told
    currency TEXT,
    conversion_id TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, event_id, claim_index)
);

CREATE TABLE conversions (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    status TEXT NOT NULL,                       -- pending | approved | rejected | reversed
    outside_status TEXT NOT NULL,               -- a word of model::claim::ClaimStatus
    order_space TEXT NOT NULL,
    order_ref TEXT NOT NULL,
    line TEXT NOT NULL,
    action TEXT NOT NULL,
    integration_id TEXT NOT NULL,
    advertiser_id TEXT NOT NULL,
    is_network BIGINT NOT NULL,                 -- the integration owes, not the advertiser
    campaign_id TEXT NOT NULL,
    offer_id TEXT NOT NULL,
    publisher_id TEXT NOT NULL,
    enrolment_id TEXT,
    link_id TEXT,
    coupon_id TEXT,
    shopper_id TEXT,
    click_id TEXT,
    rule TEXT NOT NULL,                         -- a word of model::conversion::AttributionRule
    customer_key TEXT,
    order_amount_minor BIGINT,
    order_currency TEXT NOT NULL,
    stated_charge_minor BIGINT,                 -- what the outside said it owes; overrides the terms
    currency TEXT NOT NULL,                     -- of everything below
    charge_minor BIGINT NOT NULL,
    fee_minor BIGINT NOT NULL,
    commission_minor BIGINT NOT NULL,
    shopper_minor BIGINT NOT NULL,
    tax_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    taxes TEXT NOT NULL,                        -- JSON [{"component","withheld","shortfall"}], minor units
    term TEXT NOT NULL,                         -- JSON: the terms row used
    fee_bp BIGINT NOT NULL,
    share_bp BIGINT NOT NULL,
    tax_rates TEXT NOT NULL,                    -- JSON [{"component","bp","base"}]
    stage TEXT,                                 -- pending | released; NULL while nothing is posted
    origin TEXT,                                -- transaction of the accrual that stands
    verdict TEXT NOT NULL,                      -- approve | hold | reject
    held_by TEXT,                               -- what the release waits for beside outside and time
    reason TEXT,
    hold_days BIGINT NOT NULL,
    claimed_at BIGINT NOT NULL,
    clicked_at BIGINT,
    approved_at BIGINT,                         -- first outside approved
    release_at BIGINT,                          -- approved_at + hold_days × 24 h
    released_at BIGINT,
    revision BIGINT NOT NULL,                   -- of its business key
    revised_at BIGINT NOT NULL,                 -- order of news: outside update time, else received_at
    revised_event TEXT NOT NULL,
    reviewed_by TEXT,
    explanation TEXT NOT NULL,                  -- JSON
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX conversions_by_order ON conversions (tenant_id, order_ref);
CREATE INDEX conversions_by_publisher ON conversions (tenant_id, publisher_id, id);
CREATE INDEX conversions_by_customer ON conversions (tenant_id, customer_key, claimed_at)
    WHERE customer_key IS NOT NULL;
CREATE INDEX conversions_held ON conversions (tenant_id) WHERE status = 'pending' AND held_by IS NOT NULL;
CREATE INDEX conversions_due ON conversions (tenant_id, release_at) WHERE status = 'pending' AND held_by IS NULL;

-- Every news about a conversion that was not a plain duplicate: what current content is compared with.
CREATE TABLE conversion_revisions (
    tenant_id TEXT NOT NULL,
    conversion_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    claim_index BIGINT NOT NULL,
    revision BIGINT NOT NULL,                   -- 0: had no effect
    effect TEXT NOT NULL,                       -- applied | older | held
    integration_id TEXT NOT NULL,
    status TEXT NOT NULL,
    amount_minor BIGINT,
    stated_charge_minor BIGINT,
    outside_at BIGINT,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, conversion_id, event_id, claim_index)
) WITHOUT ROWID;

-- Everything that moves money, with every input it used. The ledger is the fold of these rows. Kept for ever.
CREATE TABLE ledger_commands (
    tenant_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    transaction_id TEXT NOT NULL,
    conversion_id TEXT NOT NULL,
    action TEXT NOT NULL,
    body TEXT NOT NULL,                         -- ledger::Command::encode
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, transaction_id)
);

-- A transaction row seals its postings, which must stand there before it.
CREATE TABLE transactions (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    seq BIGINT NOT NULL,                        -- 1, 2, 3 … per tenant, no holes
    conversion_id TEXT,
    reverses TEXT,
    amends TEXT,
    memo TEXT NOT NULL,
    at BIGINT NOT NULL,
    previous_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, seq),
    UNIQUE (tenant_id, reverses)
) WITHOUT ROWID;
CREATE INDEX transactions_by_conversion ON transactions (tenant_id, conversion_id);

CREATE TABLE postings (
    tenant_id TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    account TEXT NOT NULL,                      -- ledger::Account::key
    side TEXT NOT NULL CHECK (side IN ('debit', 'credit')),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id, position),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id)
        DEFERRABLE INITIALLY DEFERRED
) WITHOUT ROWID;

-- One row per account ever posted to; its balance stands on the account's normal side.
CREATE TABLE accounts (
    tenant_id TEXT NOT NULL,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    currency TEXT NOT NULL,
    balance_minor BIGINT NOT NULL CHECK (
        balance_minor >= 0
        OR kind IN ('advertiser_receivable', 'fee_earned', 'tax_withheld', 'provider_cash', 'suspense', 'rounding')
    ),
    PRIMARY KEY (tenant_id, account)
) WITHOUT ROWID;
CREATE INDEX accounts_by_owner ON accounts (tenant_id, owner);

-- One full reversal per accrual.
CREATE TABLE reversals (
    tenant_id TEXT NOT NULL,
    reverses TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, reverses)
) WITHOUT ROWID;

-- Disbursements. Empty until rails exist; checks A7 and A8 count it from the start.
CREATE TABLE payouts (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    publisher_id TEXT NOT NULL,
    rail TEXT NOT NULL,
    state TEXT NOT NULL,                        -- created | reserved | sending | accepted | paid | declined | unknown | returned
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    rail_reference TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;

-- What a person must settle.
CREATE TABLE cases (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,                         -- tax_shortfall
    subject TEXT NOT NULL,                      -- id of what it is about
    detail TEXT NOT NULL,                       -- JSON
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

-- Which rule components judge, and how they are set. A rule without a row stands at its default.
CREATE TABLE rules (
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,                        -- active | shadow | off
    config TEXT NOT NULL,                       -- JSON object
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
) WITHOUT ROWID;

-- Sums per quarter of an hour (UTC), moved in the database transaction that moves the stream offset.
CREATE TABLE click_rollups (
    tenant_id TEXT NOT NULL,
    bucket BIGINT NOT NULL,                     -- start of the quarter, in microseconds
    link_id TEXT NOT NULL,
    campaign_id TEXT NOT NULL,
    offer_id TEXT NOT NULL,
    publisher_id TEXT NOT NULL,
    clicks BIGINT NOT NULL,                     -- not filtered
    unique_clicks BIGINT NOT NULL,
    filtered BIGINT NOT NULL,
    suspect BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, bucket, link_id, campaign_id, offer_id)
) WITHOUT ROWID;

CREATE TABLE conversion_rollups (
    tenant_id TEXT NOT NULL,
    bucket BIGINT NOT NULL,                     -- of claimed_at
    advertiser_id TEXT NOT NULL,
    campaign_id TEXT NOT NULL,
    offer_id TEXT NOT NULL,
    publisher_id TEXT NOT NULL,
    link_id TEXT NOT NULL,                      -- empty: a coupon's
    currency TEXT NOT NULL,
    conversions BIGINT NOT NULL,                -- pending and approved
    gmv_minor BIGINT NOT NULL,
    charge_minor BIGINT NOT NULL,
    commission_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, bucket, advertiser_id, campaign_id, offer_id, publisher_id, link_id, currency)
) WITHOUT ROWID;

CREATE TABLE event_rollups (
    tenant_id TEXT NOT NULL,
    bucket BIGINT NOT NULL,
    action TEXT NOT NULL,
    advertiser_id TEXT NOT NULL,                -- empty: unknown, as are the next two
    campaign_id TEXT NOT NULL,
    publisher_id TEXT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, bucket, action, advertiser_id, campaign_id, publisher_id)
) WITHOUT ROWID;

-- What gamma.outcomes and outgoing messages still have to be told, in order.
CREATE TABLE outcomes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id TEXT NOT NULL,
    conversion_id TEXT NOT NULL,
    status TEXT NOT NULL,
    body TEXT NOT NULL,                         -- JSON: the conversion after this change
    at BIGINT NOT NULL
);

-- Append only. recursive_triggers is on, or REPLACE would delete without firing them.
CREATE TRIGGER postings_never_change BEFORE UPDATE ON postings
BEGIN SELECT RAISE(ABORT, 'postings are append only'); END;
CREATE TRIGGER postings_never_go BEFORE DELETE ON postings
BEGIN SELECT RAISE(ABORT, 'postings are append only'); END;
CREATE TRIGGER transactions_never_change BEFORE UPDATE ON transactions
BEGIN SELECT RAISE(ABORT, 'transactions are append only'); END;
CREATE TRIGGER transactions_never_go BEFORE DELETE ON transactions
BEGIN SELECT RAISE(ABORT, 'transactions are append only'); END;
CREATE TRIGGER ledger_commands_never_change BEFORE UPDATE ON ledger_commands
BEGIN SELECT RAISE(ABORT, 'ledger commands are append only'); END;
CREATE TRIGGER ledger_commands_never_go BEFORE DELETE ON ledger_commands
BEGIN SELECT RAISE(ABORT, 'ledger commands are append only'); END;

-- Nothing enters a sealed transaction; an unsealed one fails at COMMIT by its deferred foreign key.
CREATE TRIGGER postings_before_seal BEFORE INSERT ON postings
WHEN EXISTS (SELECT 1 FROM transactions WHERE tenant_id = NEW.tenant_id AND id = NEW.transaction_id)
BEGIN SELECT RAISE(ABORT, 'transaction is sealed'); END;

CREATE TRIGGER transactions_balance BEFORE INSERT ON transactions
BEGIN
    SELECT RAISE(ABORT, 'transaction has no postings') WHERE NOT EXISTS (
        SELECT 1 FROM postings WHERE tenant_id = NEW.tenant_id AND transaction_id = NEW.id
    );
    SELECT RAISE(ABORT, 'debits and credits differ') FROM postings
    WHERE tenant_id = NEW.tenant_id AND transaction_id = NEW.id
    GROUP BY currency
    HAVING SUM(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) <> 0;
END;

-- Gap-free sequence and unbroken chain.
CREATE TRIGGER transactions_chain BEFORE INSERT ON transactions
BEGIN
    SELECT RAISE(ABORT, 'sequence has a hole') WHERE NEW.seq <> 1 + COALESCE(
        (SELECT MAX(seq) FROM transactions WHERE tenant_id = NEW.tenant_id), 0
    );
    SELECT RAISE(ABORT, 'hash chain is broken') WHERE NEW.previous_hash <> COALESCE(
        (SELECT hash FROM transactions WHERE tenant_id = NEW.tenant_id AND seq = NEW.seq - 1),
        zeroblob(32)
    );
END;

-- Objects that attribution reads and caches: each change raises its tenant's version.
CREATE TRIGGER advertisers_version_insert AFTER INSERT ON advertisers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER advertisers_version_update AFTER UPDATE ON advertisers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER advertisers_version_delete AFTER DELETE ON advertisers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (OLD.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER integrations_version_insert AFTER INSERT ON integrations
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER integrations_version_update AFTER UPDATE ON integrations
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER integrations_version_delete AFTER DELETE ON integrations
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (OLD.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER offers_version_insert AFTER INSERT ON offers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER offers_version_update AFTER UPDATE ON offers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER offers_version_delete AFTER DELETE ON offers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (OLD.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER terms_version_insert AFTER INSERT ON terms
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER terms_version_update AFTER UPDATE ON terms
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER terms_version_delete AFTER DELETE ON terms
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (OLD.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER campaigns_version_insert AFTER INSERT ON campaigns
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER campaigns_version_update AFTER UPDATE ON campaigns
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER campaigns_version_delete AFTER DELETE ON campaigns
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (OLD.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER campaign_offers_version_insert AFTER INSERT ON campaign_offers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER campaign_offers_version_update AFTER UPDATE ON campaign_offers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER campaign_offers_version_delete AFTER DELETE ON campaign_offers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (OLD.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER publishers_version_insert AFTER INSERT ON publishers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER publishers_version_update AFTER UPDATE ON publishers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER publishers_version_delete AFTER DELETE ON publishers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (OLD.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER enrolments_version_insert AFTER INSERT ON enrolments
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER enrolments_version_update AFTER UPDATE ON enrolments
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER enrolments_version_delete AFTER DELETE ON enrolments
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (OLD.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER rules_version_insert AFTER INSERT ON rules
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER rules_version_update AFTER UPDATE ON rules
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER rules_version_delete AFTER DELETE ON rules
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (OLD.tenant_id, 1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1, terms_version = terms_version + 1;
END;
CREATE TRIGGER links_version_insert AFTER INSERT ON links
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER links_version_update AFTER UPDATE ON links
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER links_version_delete AFTER DELETE ON links
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (OLD.tenant_id, 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER coupons_version_insert AFTER INSERT ON coupons
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER coupons_version_update AFTER UPDATE ON coupons
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER coupons_version_delete AFTER DELETE ON coupons
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (OLD.tenant_id, 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER shoppers_version_insert AFTER INSERT ON shoppers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER shoppers_version_update AFTER UPDATE ON shoppers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (NEW.tenant_id, 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER shoppers_version_delete AFTER DELETE ON shoppers
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES (OLD.tenant_id, 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER click_keys_version_insert AFTER INSERT ON click_keys
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES ('', 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER click_keys_version_update AFTER UPDATE ON click_keys
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES ('', 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER click_keys_version_delete AFTER DELETE ON click_keys
BEGIN
    INSERT INTO object_versions (tenant_id, version, terms_version) VALUES ('', 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = version + 1;
END;
