-- What people have done about an open approval so far: claimed it, handed it on, voted (JSON).
ALTER TABLE waits ADD COLUMN desk TEXT NOT NULL DEFAULT '{}';
CREATE INDEX waits_inbox ON waits (tenant, opened_at, seq) WHERE status = 'open' AND kind = 'approval';

-- Links that were used: each of them once.
CREATE TABLE used_links (
    id TEXT PRIMARY KEY,
    used_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) WITHOUT ROWID;
