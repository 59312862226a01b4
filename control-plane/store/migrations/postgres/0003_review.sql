-- What a person decides about news that nobody can date.

-- Who decided, and why; NULL: nobody was asked.
ALTER TABLE conversion_revisions ADD COLUMN decided_by TEXT COLLATE "C";
ALTER TABLE conversion_revisions ADD COLUMN decided_why TEXT COLLATE "C";

-- What held a conversion before such news did, and holds it again afterwards.
ALTER TABLE conversions ADD COLUMN held_before TEXT COLLATE "C";

-- Such news waits whatever its conversion's status is.
CREATE INDEX conversions_changed_back ON conversions (tenant_id) WHERE held_by = 'changed_back';

-- Refusals for integrations that nobody knows are kept per tenant, the newest 200.
CREATE INDEX inbound_strangers ON inbound (tenant_id, event_id)
    WHERE outcome = 'refused' AND reason = 'unknown_integration';

-- What was deleted stays, out of the lists.
ALTER TABLE links ADD COLUMN archived_at BIGINT;
ALTER TABLE coupons ADD COLUMN archived_at BIGINT;
