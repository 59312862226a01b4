-- Terms of clicks, content and volumes; caps that are counted.

-- Usage of a cap or a tier is summed by what it belongs to.
CREATE INDEX conversion_rollups_by_offer ON conversion_rollups (tenant_id, offer_id, bucket);
CREATE INDEX conversion_rollups_by_campaign ON conversion_rollups (tenant_id, campaign_id, bucket);
CREATE INDEX conversion_rollups_by_link ON conversion_rollups (tenant_id, link_id, bucket);

-- Content that a publisher made and somebody must approve: each approval pays once.
CREATE TABLE deliverables (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    campaign_id TEXT COLLATE "C" NOT NULL,
    publisher_id TEXT COLLATE "C" NOT NULL,
    advertiser_id TEXT COLLATE "C" NOT NULL,
    url TEXT COLLATE "C" NOT NULL,          -- where the content is
    note TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL,       -- submitted | approved | rejected
    conversion_id TEXT COLLATE "C",         -- what the approval posted
    decided_by TEXT COLLATE "C",
    decided_why TEXT COLLATE "C",
    decided_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX deliverables_by_publisher ON deliverables (tenant_id, publisher_id, id);

SELECT sys.guard('deliverables');
