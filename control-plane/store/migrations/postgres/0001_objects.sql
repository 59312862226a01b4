-- What operators make: tenants, keys, advertisers, offers, campaigns, publishers, links, coupons.
-- Columns are BIGINT, TEXT and BYTEA only; times are microseconds since 1970, ids and JSON are text. Text is compared
-- byte by byte, as in SQLite. Columns stand in the same order as there; a test compares the two schemas.
--
-- public: rows of tenants, behind a policy. sys: what is read before a tenant is known, or belongs to none.
-- The program is gamma_app, which owns nothing here.

GRANT USAGE ON SCHEMA public, sys TO gamma_app;
GRANT SELECT ON sys._sqlx_migrations TO gamma_app;

-- Makes tables those of tenants: a unit of work sees and writes rows of the tenant it names, and of no other. Every
-- table of schema public goes through here.
CREATE FUNCTION sys.guard(VARIADIC names TEXT[]) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY names LOOP
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_rows ON public.%I '
            'USING (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')) '
            'WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant'', true), ''''))',
            name
        );
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON public.%I TO gamma_app', name);
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION sys.guard(TEXT[]) FROM PUBLIC;

CREATE TABLE sys.secrets (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,  -- pepper, visitor_key
    value BYTEA NOT NULL
);

CREATE TABLE sys.click_keys (
    id BIGINT NOT NULL PRIMARY KEY,             -- 0..31, stands in click ids
    secret BYTEA NOT NULL,
    is_signing BIGINT NOT NULL,                 -- exactly one row has 1
    created_at BIGINT NOT NULL,
    retired_at BIGINT                           -- verify-only since
);

CREATE TABLE sys.counters (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,  -- link_number
    value BIGINT NOT NULL
);

CREATE TABLE sys.tenants (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    default_fee_bp BIGINT NOT NULL,
    default_share_bp BIGINT NOT NULL,
    locale TEXT COLLATE "C" NOT NULL,
    time_zone TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE sys.domains (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES sys.tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    host TEXT COLLATE "C" NOT NULL UNIQUE,      -- lower case; * answers for every host no other row names
    fallback_url TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

-- Read before a tenant is known: looked up by id, compared by hash.
CREATE TABLE sys.api_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES sys.tenants (id),
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,             -- secret | publishable
    hash BYTEA NOT NULL,                        -- HMAC-SHA-256(pepper, secret)
    advertiser_id TEXT COLLATE "C",
    publisher_id TEXT COLLATE "C",
    shopper_id TEXT COLLATE "C",
    origins TEXT COLLATE "C" NOT NULL,          -- JSON array
    created_at BIGINT NOT NULL,
    expires_at BIGINT,                          -- end of a rotation's overlap
    revoked_at BIGINT
);
CREATE INDEX api_keys_by_tenant ON sys.api_keys (tenant_id, created_at);

-- The answer a POST gave for an Idempotency-Key, so that a retry gets it again and makes nothing twice.
CREATE TABLE idempotency_keys (
    tenant_id TEXT COLLATE "C" NOT NULL,
    credential TEXT COLLATE "C" NOT NULL,       -- id of the key that called
    idempotency_key TEXT COLLATE "C" NOT NULL,
    request_hash BYTEA NOT NULL,
    status BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, credential, idempotency_key)
);

CREATE TABLE advertisers (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES sys.tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    allowed_hosts TEXT COLLATE "C" NOT NULL,    -- JSON array, lower case
    billing TEXT COLLATE "C" NOT NULL,          -- JSON {"terms_days"}
    status TEXT COLLATE "C" NOT NULL,           -- active | inactive
    events_integration_id TEXT COLLATE "C" NOT NULL,  -- built in
    pixel_integration_id TEXT COLLATE "C" NOT NULL,  -- built in
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE integrations (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES sys.tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    adapter TEXT COLLATE "C" NOT NULL,          -- plugin name
    builtin TEXT COLLATE "C",                   -- events | pixel | NULL
    advertiser_id TEXT COLLATE "C",             -- NULL: a network
    order_space TEXT COLLATE "C" NOT NULL,      -- an advertiser's or the integration's own id, or a name given
    auth TEXT COLLATE "C" NOT NULL,             -- JSON {"token":bool,"hmac":bool,"ip_allow":[…]}
    token_hashes TEXT COLLATE "C" NOT NULL,     -- JSON array of {"hash":hex,"expires_at":µs|null}, at most two live
    hmac_secrets TEXT COLLATE "C" NOT NULL,     -- JSON array of {"secret":text,"expires_at":µs|null}, at most two live
    config TEXT COLLATE "C" NOT NULL,           -- JSON object
    status_map TEXT COLLATE "C" NOT NULL,       -- JSON object
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE offers (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES sys.tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    advertiser_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    brand TEXT COLLATE "C",
    category TEXT COLLATE "C",
    sku TEXT COLLATE "C",
    destination TEXT COLLATE "C" NOT NULL,
    preview_url TEXT COLLATE "C",
    click_param TEXT COLLATE "C",               -- NULL turns it off
    ref_param TEXT COLLATE "C",                 -- NULL turns it off
    pass_params TEXT COLLATE "C" NOT NULL,      -- JSON array
    click_window_days BIGINT NOT NULL,
    probabilistic_hours BIGINT NOT NULL,
    hold_days BIGINT NOT NULL,
    caps TEXT COLLATE "C" NOT NULL,             -- JSON object
    fallback_url TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, advertiser_id) REFERENCES advertisers (tenant_id, id)
);

-- What a conversion earns. Rows are dated and never changed, only ended: a past conversion names the row it used.
CREATE TABLE terms (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES sys.tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,            -- offer | campaign | enrolment; the most specific live one wins
    scope_id TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,                   -- order in the list as given
    action TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,             -- percent | fixed (others later)
    bp BIGINT,                                  -- percent
    amount_minor BIGINT,                        -- fixed, in the advertiser's currency
    currency TEXT COLLATE "C",
    body TEXT COLLATE "C" NOT NULL,             -- JSON as given: tiers and conditions
    valid_from BIGINT NOT NULL,
    valid_to BIGINT,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX terms_by_scope ON terms (tenant_id, scope, scope_id, valid_from);

CREATE TABLE campaigns (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES sys.tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    advertiser_id TEXT COLLATE "C",
    name TEXT COLLATE "C" NOT NULL,
    starts_on TEXT COLLATE "C",                 -- YYYY-MM-DD in the tenant's time zone
    ends_on TEXT COLLATE "C",
    attribution TEXT COLLATE "C" NOT NULL,      -- first_touch | last_touch
    coupon_precedence TEXT COLLATE "C" NOT NULL,  -- coupon_wins | click_wins
    fee_bp BIGINT NOT NULL,
    share_bp BIGINT NOT NULL,
    budget_minor BIGINT,
    referrer_policy TEXT COLLATE "C" NOT NULL,
    tags TEXT COLLATE "C" NOT NULL,             -- JSON array
    label TEXT COLLATE "C" NOT NULL,            -- JSON object
    prelander TEXT COLLATE "C" NOT NULL,        -- JSON object
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE campaign_offers (
    tenant_id TEXT COLLATE "C" NOT NULL,
    campaign_id TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    offer_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, position),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id),
    FOREIGN KEY (tenant_id, offer_id) REFERENCES offers (tenant_id, id)
);
CREATE INDEX campaign_offers_by_offer ON campaign_offers (tenant_id, offer_id);

CREATE TABLE publishers (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES sys.tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,             -- lower case; what /click?ref= carries
    currency TEXT COLLATE "C" NOT NULL,
    phone TEXT COLLATE "C",
    email TEXT COLLATE "C",
    iin TEXT COLLATE "C",
    tax_regime TEXT COLLATE "C" NOT NULL,
    tags TEXT COLLATE "C" NOT NULL,             -- JSON array
    payout TEXT COLLATE "C" NOT NULL,           -- JSON {"rail","destination"}
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, code)
);

CREATE TABLE enrolments (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES sys.tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    campaign_id TEXT COLLATE "C" NOT NULL,
    publisher_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,           -- active | applied | paused | rejected
    fixed_fee_minor BIGINT,
    link_id TEXT COLLATE "C" NOT NULL,          -- its wildcard link
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, campaign_id, publisher_id),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id),
    FOREIGN KEY (tenant_id, publisher_id) REFERENCES publishers (tenant_id, id)
);

CREATE TABLE links (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES sys.tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL UNIQUE,              -- 40 bits, in click ids
    campaign_id TEXT COLLATE "C" NOT NULL,
    offer_id TEXT COLLATE "C",                  -- NULL on wildcard links
    publisher_id TEXT COLLATE "C" NOT NULL,
    domain_id TEXT COLLATE "C",
    slug TEXT COLLATE "C" NOT NULL,             -- lower case
    destination TEXT COLLATE "C",               -- overrides the offer's
    rules TEXT COLLATE "C" NOT NULL,            -- JSON array
    caps TEXT COLLATE "C" NOT NULL,             -- JSON object
    expires_at BIGINT,
    fallback_url TEXT COLLATE "C",
    wildcard_code TEXT COLLATE "C",             -- publisher code on wildcard links
    killed_at BIGINT,
    is_capped BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, slug),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id),
    FOREIGN KEY (tenant_id, publisher_id) REFERENCES publishers (tenant_id, id)
);
CREATE INDEX links_by_publisher ON links (tenant_id, publisher_id, created_at);
CREATE INDEX links_by_campaign ON links (tenant_id, campaign_id, created_at);

CREATE TABLE coupons (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES sys.tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    campaign_id TEXT COLLATE "C" NOT NULL,
    publisher_id TEXT COLLATE "C",              -- NULL: generic, never decides attribution
    code TEXT COLLATE "C" NOT NULL,             -- upper case
    status TEXT COLLATE "C" NOT NULL,           -- active | invalid
    created_at BIGINT NOT NULL,
    invalidated_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, code),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id)
);

CREATE TABLE shoppers (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES sys.tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,          -- the tenant's own name for the person
    phone TEXT COLLATE "C",
    email TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, user_id)
);

-- What the catalog log still has to be told, in order. Written in the database transaction of the change itself.
CREATE TABLE sys.catalog_outbox (
    seq BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,             -- a word of model::catalog::CatalogKind
    tenant_id TEXT COLLATE "C" NOT NULL,        -- empty for what belongs to no tenant
    object_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

-- Who changed what, in words a person can read.
CREATE TABLE audit_log (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,            -- credential id, or a program's own name
    verb TEXT COLLATE "C" NOT NULL,
    object_kind TEXT COLLATE "C" NOT NULL,
    object_id TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,           -- JSON
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_log_by_time ON audit_log (tenant_id, at);

SELECT sys.guard(
    'idempotency_keys', 'advertisers', 'integrations', 'offers', 'terms', 'campaigns', 'campaign_offers',
    'publishers', 'enrolments', 'links', 'coupons', 'shoppers', 'audit_log'
);
-- The log of changes only grows.
REVOKE UPDATE, DELETE ON audit_log FROM gamma_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    sys.secrets, sys.click_keys, sys.counters, sys.tenants, sys.domains, sys.api_keys, sys.catalog_outbox
TO gamma_app;
