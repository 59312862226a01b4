-- What operators make: tenants, keys, advertisers, offers, campaigns, publishers, links, coupons.
-- Columns are BIGINT, TEXT and BLOB only; times are microseconds since 1970, ids and JSON are text.

CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,             -- pepper, visitor_key
    value BLOB NOT NULL
);

CREATE TABLE click_keys (
    id BIGINT NOT NULL PRIMARY KEY,             -- 0..31, stands in click ids
    secret BLOB NOT NULL,
    is_signing BIGINT NOT NULL,                 -- exactly one row has 1
    created_at BIGINT NOT NULL,
    retired_at BIGINT                           -- verify-only since
);

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,             -- link_number
    value BIGINT NOT NULL
);

CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    default_fee_bp BIGINT NOT NULL,
    default_share_bp BIGINT NOT NULL,
    locale TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE domains (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    host TEXT NOT NULL UNIQUE,                  -- lower case; * answers for every host no other row names
    fallback_url TEXT,
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

-- Read before a tenant is known: looked up by id, compared by hash.
CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    kind TEXT NOT NULL,                         -- secret | publishable
    hash BLOB NOT NULL,                         -- HMAC-SHA-256(pepper, secret)
    advertiser_id TEXT,
    publisher_id TEXT,
    shopper_id TEXT,
    origins TEXT NOT NULL,                      -- JSON array
    created_at BIGINT NOT NULL,
    expires_at BIGINT,                          -- end of a rotation's overlap
    revoked_at BIGINT
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, created_at);

-- The answer a POST gave for an Idempotency-Key, so that a retry gets it again and makes nothing twice.
CREATE TABLE idempotency_keys (
    tenant_id TEXT NOT NULL,
    credential TEXT NOT NULL,                   -- id of the key that called
    idempotency_key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, credential, idempotency_key)
);

CREATE TABLE advertisers (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    allowed_hosts TEXT NOT NULL,                -- JSON array, lower case
    billing TEXT NOT NULL,                      -- JSON {"terms_days"}
    status TEXT NOT NULL,                       -- active | inactive
    events_integration_id TEXT NOT NULL,        -- built in
    pixel_integration_id TEXT NOT NULL,         -- built in
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE integrations (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    adapter TEXT NOT NULL,                      -- plugin name
    builtin TEXT,                               -- events | pixel | NULL
    advertiser_id TEXT,                         -- NULL: a network
    order_space TEXT NOT NULL,                  -- an advertiser's or the integration's own id, or a name given
    auth TEXT NOT NULL,                         -- JSON {"token":bool,"hmac":bool,"ip_allow":[…]}
    token_hashes TEXT NOT NULL,                 -- JSON array of {"hash":hex,"expires_at":µs|null}, at most two live
    hmac_secrets TEXT NOT NULL,                 -- JSON array of {"secret":text,"expires_at":µs|null}, at most two live
    config TEXT NOT NULL,                       -- JSON object
    status_map TEXT NOT NULL,                   -- JSON object
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE offers (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    advertiser_id TEXT NOT NULL,
    name TEXT NOT NULL,
    brand TEXT,
    category TEXT,
    sku TEXT,
    destination TEXT NOT NULL,
    preview_url TEXT,
    click_param TEXT,                           -- NULL turns it off
    ref_param TEXT,                             -- NULL turns it off
    pass_params TEXT NOT NULL,                  -- JSON array
    click_window_days BIGINT NOT NULL,
    probabilistic_hours BIGINT NOT NULL,
    hold_days BIGINT NOT NULL,
    caps TEXT NOT NULL,                         -- JSON object
    fallback_url TEXT,
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, advertiser_id) REFERENCES advertisers (tenant_id, id)
);

-- What a conversion earns. Rows are dated and never changed, only ended: a past conversion names the row it used.
CREATE TABLE terms (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    scope TEXT NOT NULL,                        -- offer | campaign | enrolment; the most specific live one wins
    scope_id TEXT NOT NULL,
    position BIGINT NOT NULL,                   -- order in the list as given
    action TEXT NOT NULL,
    kind TEXT NOT NULL,                         -- percent | fixed (others later)
    bp BIGINT,                                  -- percent
    amount_minor BIGINT,                        -- fixed, in the advertiser's currency
    currency TEXT,
    body TEXT NOT NULL,                         -- JSON as given: tiers and conditions
    valid_from BIGINT NOT NULL,
    valid_to BIGINT,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX terms_by_scope ON terms (tenant_id, scope, scope_id, valid_from);

CREATE TABLE campaigns (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    advertiser_id TEXT,
    name TEXT NOT NULL,
    starts_on TEXT,                             -- YYYY-MM-DD in the tenant's time zone
    ends_on TEXT,
    attribution TEXT NOT NULL,                  -- first_touch | last_touch
    coupon_precedence TEXT NOT NULL,            -- coupon_wins | click_wins
    fee_bp BIGINT NOT NULL,
    share_bp BIGINT NOT NULL,
    budget_minor BIGINT,
    referrer_policy TEXT NOT NULL,
    tags TEXT NOT NULL,                         -- JSON array
    label TEXT NOT NULL,                        -- JSON object
    prelander TEXT NOT NULL,                    -- JSON object
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE campaign_offers (
    tenant_id TEXT NOT NULL,
    campaign_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    offer_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, position),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id),
    FOREIGN KEY (tenant_id, offer_id) REFERENCES offers (tenant_id, id)
);
CREATE INDEX campaign_offers_by_offer ON campaign_offers (tenant_id, offer_id);

CREATE TABLE publishers (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    code TEXT NOT NULL,                         -- lower case; what /click?ref= carries
    currency TEXT NOT NULL,
    phone TEXT,
    email TEXT,
    iin TEXT,
    tax_regime TEXT NOT NULL,
    tags TEXT NOT NULL,                         -- JSON array
    payout TEXT NOT NULL,                       -- JSON {"rail","destination"}
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, code)
);

CREATE TABLE enrolments (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    campaign_id TEXT NOT NULL,
    publisher_id TEXT NOT NULL,
    status TEXT NOT NULL,                       -- active | applied | paused | rejected
    fixed_fee_minor BIGINT,
    link_id TEXT NOT NULL,                      -- its wildcard link
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, campaign_id, publisher_id),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id),
    FOREIGN KEY (tenant_id, publisher_id) REFERENCES publishers (tenant_id, id)
);

CREATE TABLE links (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    number BIGINT NOT NULL UNIQUE,              -- 40 bits, in click ids
    campaign_id TEXT NOT NULL,
    offer_id TEXT,                              -- NULL on wildcard links
    publisher_id TEXT NOT NULL,
    domain_id TEXT,
    slug TEXT NOT NULL,                         -- lower case
    destination TEXT,                           -- overrides the offer's
    rules TEXT NOT NULL,                        -- JSON array
    caps TEXT NOT NULL,                         -- JSON object
    expires_at BIGINT,
    fallback_url TEXT,
    wildcard_code TEXT,                         -- publisher code on wildcard links
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
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    campaign_id TEXT NOT NULL,
    publisher_id TEXT,                          -- NULL: generic, never decides attribution
    code TEXT NOT NULL,                         -- upper case
    status TEXT NOT NULL,                       -- active | invalid
    created_at BIGINT NOT NULL,
    invalidated_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, code),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id)
);

CREATE TABLE shoppers (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,                      -- the tenant's own name for the person
    phone TEXT,
    email TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, user_id)
);

-- What the catalog log still has to be told, in order. Written in the database transaction of the change itself.
CREATE TABLE catalog_outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,                         -- a word of model::catalog::CatalogKind
    tenant_id TEXT NOT NULL,                    -- empty for what belongs to no tenant
    object_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Who changed what, in words a person can read.
CREATE TABLE audit_log (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,                        -- credential id, or a program's own name
    verb TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    detail TEXT NOT NULL,                       -- JSON
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_log_by_time ON audit_log (tenant_id, at);
