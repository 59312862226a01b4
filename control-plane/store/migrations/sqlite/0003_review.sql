-- What a person decides about news that nobody can date.

-- Who decided, and why; NULL: nobody was asked.
ALTER TABLE conversion_revisions ADD COLUMN decided_by TEXT;
ALTER TABLE conversion_revisions ADD COLUMN decided_why TEXT;

-- Such news waits whatever its conversion's status is.
CREATE INDEX conversions_changed_back ON conversions (tenant_id) WHERE held_by = 'changed_back';
