-- From the journal to the ledger: offsets, the three locks, inbound, conversions, postings, rollups.
-- Columns are BIGINT, TEXT COLLATE "C" and BYTEA only; times are microseconds since 1970, ids and JSON are text.

-- How far a consumer of one stream is. Moved by compare-and-set inside the database transaction of each batch.
CREATE TABLE sys.consumer_offsets (
    grp TEXT COLLATE "C" NOT NULL,
    topic TEXT COLLATE "C" NOT NULL,            -- embedded: the journal's id
    part TEXT COLLATE "C" NOT NULL,             -- embedded: the lane
    next BIGINT NOT NULL,                       -- first record that is not processed
    last_event TEXT COLLATE "C",                -- event id of the last processed record, where it has one
    epoch BIGINT NOT NULL,                      -- raised on every assignment: an older consumer is fenced
    passed BIGINT NOT NULL,                     -- processed records that have no row in inbound: other kinds, lost ranges
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (grp, topic, part)
) WITH (fillfactor = 70);

-- Counts up with every change of what attribution reads, so that cached objects are dropped in time.
CREATE TABLE sys.object_versions (
    tenant_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,  -- empty: click keys
    version BIGINT NOT NULL,                    -- any of them
    terms_version BIGINT NOT NULL               -- those that decide amounts: checked again before posting
) WITH (fillfactor = 70);

-- Lock 1: every accepted inbound once. Kept longer than anything can replay.
CREATE TABLE inbox (
    tenant_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
);

-- Lock 2: every revision of an order once, whatever door it comes through. Kept for ever.
CREATE TABLE business_keys (
    tenant_id TEXT COLLATE "C" NOT NULL,
    order_space TEXT COLLATE "C" NOT NULL,      -- an advertiser's id; for a network integration the integration's
    order_ref TEXT COLLATE "C" NOT NULL,
    line TEXT COLLATE "C" NOT NULL,             -- empty: the whole order
    action TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,                   -- 1 is the first news that counted
    conversion_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    claim_index BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, order_space, order_ref, line, action, revision)
);

-- What outside systems told us and how it ended. Refused ones (not authenticated) are the last 200 per integration.
CREATE TABLE inbound (
    tenant_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    integration_id TEXT COLLATE "C" NOT NULL,
    advertiser_id TEXT COLLATE "C",             -- the integration's
    channel TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    processed_at BIGINT NOT NULL,
    topic TEXT COLLATE "C" NOT NULL,            -- where it stood: conservation is counted from sequences
    part TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    query TEXT COLLATE "C" NOT NULL,
    headers TEXT COLLATE "C" NOT NULL,          -- JSON array of [name, value]
    body BYTEA,                                 -- raw; NULL once its retention is over
    remote_prefix TEXT COLLATE "C",
    is_signed BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    detail TEXT COLLATE "C",                    -- for people
    claims TEXT COLLATE "C" NOT NULL,           -- JSON array, as the adapter read them
    conversion_id TEXT COLLATE "C",
    plugin TEXT COLLATE "C",                    -- JSON {"name","version","sha256"} of the adapter
    attempts BIGINT NOT NULL,                   -- how often it went through the pipeline
    PRIMARY KEY (tenant_id, event_id)
) PARTITION BY RANGE (event_id);
CREATE TABLE inbound_rest PARTITION OF inbound DEFAULT;
CREATE INDEX inbound_by_integration ON inbound (tenant_id, integration_id, event_id);
-- Conservation is counted by place.
CREATE INDEX inbound_by_place ON inbound (tenant_id, topic, part, seq) WHERE outcome <> 'refused';
CREATE INDEX inbound_held ON inbound (tenant_id, processed_at) WHERE outcome = 'held' AND reason = 'adapter_error';

-- Claims nobody could be credited for, kept 90 days. With reason unknown_order: news parked until its order arrives.
CREATE TABLE unmatched (
    tenant_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    claim_index BIGINT NOT NULL,
    integration_id TEXT COLLATE "C" NOT NULL,
    advertiser_id TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL,
    order_space TEXT COLLATE "C" NOT NULL,
    order_ref TEXT COLLATE "C" NOT NULL,
    line TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    claim TEXT COLLATE "C" NOT NULL,            -- JSON
    received_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    resolved_at BIGINT,                         -- its order came, or a replay matched it
    PRIMARY KEY (tenant_id, event_id, claim_index)
);
CREATE INDEX unmatched_open ON unmatched (tenant_id, order_ref) WHERE resolved_at IS NULL;

-- Which click brought which customer: the memory of first and last touch.
CREATE TABLE touches (
    tenant_id TEXT COLLATE "C" NOT NULL,
    advertiser_id TEXT COLLATE "C" NOT NULL,
    customer_key TEXT COLLATE "C" NOT NULL,
    click_id TEXT COLLATE "C" NOT NULL,
    clicked_at BIGINT NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, advertiser_id, customer_key, click_id)
);

-- The shopper named when a click was taken by an app or widget.
CREATE TABLE click_users (
    tenant_id TEXT COLLATE "C" NOT NULL,
    click_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, click_id)
);

-- The journey: one row per claim, earning or not.
CREATE TABLE events (
    tenant_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    claim_index BIGINT NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    integration_id TEXT COLLATE "C" NOT NULL,
    advertiser_id TEXT COLLATE "C",
    campaign_id TEXT COLLATE "C",
    publisher_id TEXT COLLATE "C",
    link_id TEXT COLLATE "C",
    click_id TEXT COLLATE "C",
    order_ref TEXT COLLATE "C",
    customer_key TEXT COLLATE "C",
    amount TEXT COLLATE "C",                    -- decimal text as told
    currency TEXT COLLATE "C",
    conversion_id TEXT COLLATE "C",
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, event_id, claim_index)
);

CREATE TABLE conversions (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,           -- pending | approved | rejected | reversed
    outside_status TEXT COLLATE "C" NOT NULL,   -- a word of model::claim::ClaimStatus
    order_space TEXT COLLATE "C" NOT NULL,
    order_ref TEXT COLLATE "C" NOT NULL,
    line TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    integration_id TEXT COLLATE "C" NOT NULL,
    advertiser_id TEXT COLLATE "C" NOT NULL,
    is_network BIGINT NOT NULL,                 -- the integration owes, not the advertiser
    campaign_id TEXT COLLATE "C" NOT NULL,
    offer_id TEXT COLLATE "C" NOT NULL,
    publisher_id TEXT COLLATE "C" NOT NULL,
    enrolment_id TEXT COLLATE "C",
    link_id TEXT COLLATE "C",
    coupon_id TEXT COLLATE "C",
    shopper_id TEXT COLLATE "C",
    click_id TEXT COLLATE "C",
    rule TEXT COLLATE "C" NOT NULL,             -- a word of model::conversion::AttributionRule
    customer_key TEXT COLLATE "C",
    order_amount_minor BIGINT,
    order_currency TEXT COLLATE "C" NOT NULL,
    stated_charge_minor BIGINT,                 -- what the outside said it owes; overrides the terms
    currency TEXT COLLATE "C" NOT NULL,         -- of everything below
    charge_minor BIGINT NOT NULL,
    fee_minor BIGINT NOT NULL,
    commission_minor BIGINT NOT NULL,
    shopper_minor BIGINT NOT NULL,
    tax_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    taxes TEXT COLLATE "C" NOT NULL,            -- JSON [{"component","withheld","shortfall"}], minor units
    term TEXT COLLATE "C" NOT NULL,             -- JSON: the terms row used
    fee_bp BIGINT NOT NULL,
    share_bp BIGINT NOT NULL,
    tax_rates TEXT COLLATE "C" NOT NULL,        -- JSON [{"component","bp","base"}]
    stage TEXT COLLATE "C",                     -- pending | released; NULL while nothing is posted
    origin TEXT COLLATE "C",                    -- transaction of the accrual that stands
    verdict TEXT COLLATE "C" NOT NULL,          -- approve | hold | reject
    held_by TEXT COLLATE "C",                   -- what the release waits for beside outside and time
    reason TEXT COLLATE "C",
    hold_days BIGINT NOT NULL,
    claimed_at BIGINT NOT NULL,
    clicked_at BIGINT,
    approved_at BIGINT,                         -- first outside approved
    release_at BIGINT,                          -- approved_at + hold_days × 24 h
    released_at BIGINT,
    revision BIGINT NOT NULL,                   -- of its business key
    revised_at BIGINT NOT NULL,                 -- order of news: outside update time, else received_at
    revised_event TEXT COLLATE "C" NOT NULL,
    reviewed_by TEXT COLLATE "C",
    explanation TEXT COLLATE "C" NOT NULL,      -- JSON
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) PARTITION BY RANGE (id);
CREATE TABLE conversions_rest PARTITION OF conversions DEFAULT;
CREATE INDEX conversions_by_order ON conversions (tenant_id, order_ref);
CREATE INDEX conversions_by_publisher ON conversions (tenant_id, publisher_id, id);
CREATE INDEX conversions_by_customer ON conversions (tenant_id, customer_key, claimed_at)
    WHERE customer_key IS NOT NULL;
CREATE INDEX conversions_held ON conversions (tenant_id) WHERE status = 'pending' AND held_by IS NOT NULL;
CREATE INDEX conversions_due ON conversions (tenant_id, release_at) WHERE status = 'pending' AND held_by IS NULL;

-- Every news about a conversion that was not a plain duplicate: what current content is compared with.
CREATE TABLE conversion_revisions (
    tenant_id TEXT COLLATE "C" NOT NULL,
    conversion_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    claim_index BIGINT NOT NULL,
    revision BIGINT NOT NULL,                   -- 0: had no effect
    effect TEXT COLLATE "C" NOT NULL,           -- applied | older | held
    integration_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT,
    stated_charge_minor BIGINT,
    outside_at BIGINT,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, conversion_id, event_id, claim_index)
);

-- Everything that moves money, with every input it used. The ledger is the fold of these rows. Kept for ever.
CREATE TABLE ledger_commands (
    tenant_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    conversion_id TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,             -- ledger::Command::encode
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, transaction_id)
);

-- A transaction row seals its postings, which must stand there before it.
CREATE TABLE transactions (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,                        -- 1, 2, 3 … per tenant, no holes
    conversion_id TEXT COLLATE "C",
    reverses TEXT COLLATE "C",
    amends TEXT COLLATE "C",
    memo TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    previous_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, seq),
    UNIQUE (tenant_id, reverses)
);
CREATE INDEX transactions_by_conversion ON transactions (tenant_id, conversion_id);

CREATE TABLE postings (
    tenant_id TEXT COLLATE "C" NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    account TEXT COLLATE "C" NOT NULL,          -- ledger::Account::key
    side TEXT COLLATE "C" NOT NULL CHECK (side IN ('debit', 'credit')),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id, position),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions (tenant_id, id)
        DEFERRABLE INITIALLY DEFERRED
) PARTITION BY RANGE (transaction_id);
CREATE TABLE postings_rest PARTITION OF postings DEFAULT;

-- One row per account ever posted to; its balance stands on the account's normal side.
CREATE TABLE accounts (
    tenant_id TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    balance_minor BIGINT NOT NULL CHECK (
        balance_minor >= 0
        OR kind IN ('advertiser_receivable', 'fee_earned', 'tax_withheld', 'provider_cash', 'suspense', 'rounding')
    ),
    PRIMARY KEY (tenant_id, account)
) WITH (fillfactor = 70);
CREATE INDEX accounts_by_owner ON accounts (tenant_id, owner);

-- One full reversal per accrual.
CREATE TABLE reversals (
    tenant_id TEXT COLLATE "C" NOT NULL,
    reverses TEXT COLLATE "C" NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, reverses)
);

-- Disbursements. Empty until rails exist; checks A7 and A8 count it from the start.
CREATE TABLE payouts (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    publisher_id TEXT COLLATE "C" NOT NULL,
    rail TEXT COLLATE "C" NOT NULL,
    -- created | reserved | sending | accepted | paid | declined | unknown | returned
    state TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT COLLATE "C" NOT NULL,
    rail_reference TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- What a person must settle.
CREATE TABLE cases (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,             -- tax_shortfall
    subject TEXT COLLATE "C" NOT NULL,          -- id of what it is about
    detail TEXT COLLATE "C" NOT NULL,           -- JSON
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

-- Which rule components judge, and how they are set. A rule without a row stands at its default.
CREATE TABLE rules (
    tenant_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,            -- active | shadow | off
    config TEXT COLLATE "C" NOT NULL,           -- JSON object
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- Sums per quarter of an hour (UTC), moved in the database transaction that moves the stream offset.
CREATE TABLE click_rollups (
    tenant_id TEXT COLLATE "C" NOT NULL,
    bucket BIGINT NOT NULL,                     -- start of the quarter, in microseconds
    link_id TEXT COLLATE "C" NOT NULL,
    campaign_id TEXT COLLATE "C" NOT NULL,
    offer_id TEXT COLLATE "C" NOT NULL,
    publisher_id TEXT COLLATE "C" NOT NULL,
    clicks BIGINT NOT NULL,                     -- not filtered
    unique_clicks BIGINT NOT NULL,
    filtered BIGINT NOT NULL,
    suspect BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, bucket, link_id, campaign_id, offer_id)
) WITH (fillfactor = 70);

CREATE TABLE conversion_rollups (
    tenant_id TEXT COLLATE "C" NOT NULL,
    bucket BIGINT NOT NULL,                     -- of claimed_at
    advertiser_id TEXT COLLATE "C" NOT NULL,
    campaign_id TEXT COLLATE "C" NOT NULL,
    offer_id TEXT COLLATE "C" NOT NULL,
    publisher_id TEXT COLLATE "C" NOT NULL,
    link_id TEXT COLLATE "C" NOT NULL,          -- empty: a coupon's
    currency TEXT COLLATE "C" NOT NULL,
    conversions BIGINT NOT NULL,                -- pending and approved
    gmv_minor BIGINT NOT NULL,
    charge_minor BIGINT NOT NULL,
    commission_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, bucket, advertiser_id, campaign_id, offer_id, publisher_id, link_id, currency)
) WITH (fillfactor = 70);

CREATE TABLE event_rollups (
    tenant_id TEXT COLLATE "C" NOT NULL,
    bucket BIGINT NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    advertiser_id TEXT COLLATE "C" NOT NULL,    -- empty: unknown, as are the next two
    campaign_id TEXT COLLATE "C" NOT NULL,
    publisher_id TEXT COLLATE "C" NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, bucket, action, advertiser_id, campaign_id, publisher_id)
) WITH (fillfactor = 70);

-- What gamma.outcomes and outgoing messages still have to be told, in order.
CREATE TABLE outcomes (
    seq BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL,
    conversion_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,             -- JSON: the conversion after this change
    at BIGINT NOT NULL
);

SELECT sys.guard(
    'inbox', 'business_keys', 'inbound', 'unmatched', 'touches', 'click_users', 'events', 'conversions',
    'conversion_revisions', 'ledger_commands', 'transactions', 'postings', 'accounts', 'reversals', 'payouts', 'cases',
    'rules', 'click_rollups', 'conversion_rollups', 'event_rollups', 'outcomes'
);
-- What only grows; the triggers below hold the owner too.
REVOKE UPDATE, DELETE ON ledger_commands, transactions, postings, reversals, business_keys, inbox FROM gamma_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sys.consumer_offsets, sys.object_versions TO gamma_app;

-- Refusals of the schema carry the SQLSTATE GA000, so that the program tells them from failures.

CREATE FUNCTION sys.refuse_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% are append only', TG_ARGV[0] USING ERRCODE = 'GA000';
END $$;
CREATE TRIGGER postings_never_change BEFORE UPDATE OR DELETE ON postings
    FOR EACH ROW EXECUTE FUNCTION sys.refuse_change('postings');
CREATE TRIGGER postings_never_go BEFORE TRUNCATE ON postings EXECUTE FUNCTION sys.refuse_change('postings');
CREATE TRIGGER transactions_never_change BEFORE UPDATE OR DELETE ON transactions
    FOR EACH ROW EXECUTE FUNCTION sys.refuse_change('transactions');
CREATE TRIGGER transactions_never_go BEFORE TRUNCATE ON transactions
    EXECUTE FUNCTION sys.refuse_change('transactions');
CREATE TRIGGER ledger_commands_never_change BEFORE UPDATE OR DELETE ON ledger_commands
    FOR EACH ROW EXECUTE FUNCTION sys.refuse_change('ledger commands');
CREATE TRIGGER ledger_commands_never_go BEFORE TRUNCATE ON ledger_commands
    EXECUTE FUNCTION sys.refuse_change('ledger commands');

-- Nothing enters a sealed transaction; an unsealed one fails at COMMIT by its deferred foreign key.
CREATE FUNCTION sys.refuse_late() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM added JOIN public.transactions t ON t.tenant_id = added.tenant_id AND t.id = added.transaction_id
    ) THEN
        RAISE EXCEPTION 'transaction is sealed' USING ERRCODE = 'GA000';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER postings_before_seal AFTER INSERT ON postings
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION sys.refuse_late();

-- Debits equal credits in each currency, looked at when everything of the unit of work stands there. By then it may
-- name another tenant, or none, and the policy would hide these postings.
CREATE FUNCTION sys.refuse_unbalanced() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    stood TEXT := COALESCE(current_setting('app.tenant', true), '');
    lines BIGINT;
    differing BIGINT;
BEGIN
    IF stood <> NEW.tenant_id THEN
        PERFORM set_config('app.tenant', NEW.tenant_id, true);
    END IF;
    SELECT COALESCE(SUM(sums.lines), 0), COUNT(*) FILTER (WHERE sums.difference <> 0) INTO lines, differing FROM (
        SELECT COUNT(*) AS lines, SUM(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) AS difference
        FROM public.postings WHERE tenant_id = NEW.tenant_id AND transaction_id = NEW.id GROUP BY currency
    ) AS sums;
    IF stood <> NEW.tenant_id THEN
        PERFORM set_config('app.tenant', stood, true);
    END IF;
    IF lines = 0 THEN
        RAISE EXCEPTION 'transaction has no postings' USING ERRCODE = 'GA000';
    END IF;
    IF differing > 0 THEN
        RAISE EXCEPTION 'debits and credits differ' USING ERRCODE = 'GA000';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transactions_balance AFTER INSERT ON transactions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION sys.refuse_unbalanced();

-- Gap-free sequence and unbroken chain: every row has its predecessor, the first one has none.
CREATE FUNCTION sys.refuse_unchained() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    holes BIGINT;
    breaks BIGINT;
BEGIN
    SELECT COUNT(*) FILTER (WHERE added.seq <> 1 AND before.seq IS NULL),
        COUNT(*) FILTER (WHERE added.previous_hash <> COALESCE(before.hash, decode(repeat('00', 32), 'hex')))
    INTO holes, breaks
    FROM added LEFT JOIN public.transactions before
    ON before.tenant_id = added.tenant_id AND before.seq = added.seq - 1;
    IF holes > 0 THEN
        RAISE EXCEPTION 'sequence has a hole' USING ERRCODE = 'GA000';
    END IF;
    IF breaks > 0 THEN
        RAISE EXCEPTION 'hash chain is broken' USING ERRCODE = 'GA000';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER transactions_chain AFTER INSERT ON transactions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION sys.refuse_unchained();

-- Objects that attribution reads and caches: each statement that changes some raises the versions of their tenants.
-- Argument: 1 where they decide amounts.
CREATE FUNCTION sys.raise_version() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sys.object_versions AS kept (tenant_id, version, terms_version)
    SELECT DISTINCT changed.tenant_id, 1, TG_ARGV[0]::BIGINT FROM changed
    ON CONFLICT (tenant_id) DO UPDATE
    SET version = kept.version + 1, terms_version = kept.terms_version + TG_ARGV[0]::BIGINT;
    RETURN NULL;
END $$;
CREATE FUNCTION sys.raise_ring_version() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sys.object_versions AS kept (tenant_id, version, terms_version) VALUES ('', 1, 0)
    ON CONFLICT (tenant_id) DO UPDATE SET version = kept.version + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER click_keys_version AFTER INSERT OR UPDATE OR DELETE ON sys.click_keys
    FOR EACH ROW EXECUTE FUNCTION sys.raise_ring_version();

CREATE FUNCTION sys.watch(terms BIGINT, VARIADIC names TEXT[]) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    name TEXT;
    news TEXT[];
BEGIN
    FOREACH name IN ARRAY names LOOP
        FOREACH news SLICE 1 IN ARRAY ARRAY[['insert', 'NEW'], ['update', 'NEW'], ['delete', 'OLD']] LOOP
            EXECUTE format(
                'CREATE TRIGGER %I AFTER %s ON public.%I REFERENCING %s TABLE AS changed '
                'FOR EACH STATEMENT EXECUTE FUNCTION sys.raise_version(%s)',
                name || '_version_' || news[1], news[1], name, news[2], terms
            );
        END LOOP;
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION sys.watch(BIGINT, TEXT[]) FROM PUBLIC;
SELECT sys.watch(
    1, 'advertisers', 'integrations', 'offers', 'terms', 'campaigns', 'campaign_offers', 'publishers', 'enrolments',
    'rules'
);
SELECT sys.watch(0, 'links', 'coupons', 'shoppers');

-- Months. Ids begin with their time, so a range of ids is a month, the primary key holds the column that rows are
-- divided by, and a look-up by id reads one partition. What fits no month stands in _rest.
CREATE FUNCTION sys.id_from(day DATE) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    rest BIGINT := (day - DATE '1970-01-01')::BIGINT * 86400000;
    letters TEXT := '';
BEGIN
    -- 48 bits of milliseconds are the first ten letters of an id.
    FOR position IN 1..10 LOOP
        letters := substr('0123456789abcdefghjkmnpqrstvwxyz', (rest % 32)::INTEGER + 1, 1) || letters;
        rest := rest / 32;
    END LOOP;
    RETURN letters;
END $$;

-- Makes the partitions of the months between two instants that are not there; answers how many it made. A month of
-- which rows stand in _rest already stays there. Runs as the owner: the program itself can make no table.
CREATE FUNCTION sys.make_months(first_at BIGINT, last_at BIGINT) RETURNS BIGINT LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    month DATE := date_trunc('month', to_timestamp(first_at / 1000000) AT TIME ZONE 'UTC');
    last_month DATE := date_trunc('month', to_timestamp(last_at / 1000000) AT TIME ZONE 'UTC');
    next_month DATE;
    parent TEXT[];
    name TEXT;
    made BIGINT := 0;
BEGIN
    IF last_month > month + 3700 THEN
        RAISE EXCEPTION 'too many months at once' USING ERRCODE = 'GA000';
    END IF;
    -- One at a time: several control planes may start together.
    PERFORM pg_advisory_xact_lock(1735224577, 3);
    WHILE month <= last_month LOOP
        next_month := month + INTERVAL '1 month';
        FOREACH parent SLICE 1 IN ARRAY ARRAY[['inbound', 'evt_'], ['conversions', 'cnv_'], ['postings', 'txn_']] LOOP
            name := parent[1] || to_char(month, '_YYYY_MM');
            CONTINUE WHEN to_regclass(format('public.%I', name)) IS NOT NULL;
            BEGIN
                EXECUTE format(
                    'CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name, parent[1]
                );
                EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
                EXECUTE format(
                    'ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                    parent[1], name, parent[2] || sys.id_from(month), parent[2] || sys.id_from(next_month)
                );
                made := made + 1;
            EXCEPTION WHEN check_violation THEN
                -- Its rows stand in _rest.
                NULL;
            END;
        END LOOP;
        month := next_month;
    END LOOP;
    RETURN made;
END $$;
REVOKE EXECUTE ON FUNCTION sys.make_months(BIGINT, BIGINT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sys.make_months(BIGINT, BIGINT) TO gamma_app;
ALTER TABLE inbound_rest ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE conversions_rest ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE postings_rest ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
