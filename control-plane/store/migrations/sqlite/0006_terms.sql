-- Terms of clicks, content and volumes; caps that are counted.

-- Usage of a cap or a tier is summed by what it belongs to.
CREATE INDEX conversion_rollups_by_offer ON conversion_rollups (tenant_id, offer_id, bucket);
CREATE INDEX conversion_rollups_by_campaign ON conversion_rollups (tenant_id, campaign_id, bucket);
CREATE INDEX conversion_rollups_by_link ON conversion_rollups (tenant_id, link_id, bucket);

-- Content that a publisher made and somebody must approve: each approval pays once.
CREATE TABLE deliverables (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    campaign_id TEXT NOT NULL,
    publisher_id TEXT NOT NULL,
    advertiser_id TEXT NOT NULL,
    url TEXT NOT NULL,                          -- where the content is
    note TEXT,
    status TEXT NOT NULL,                       -- submitted | approved | rejected
    conversion_id TEXT,                         -- what the approval posted
    decided_by TEXT,
    decided_why TEXT,
    decided_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX deliverables_by_publisher ON deliverables (tenant_id, publisher_id, id);
