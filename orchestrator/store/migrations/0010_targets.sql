-- Who outside is told what happens, up to which record they know it. Secrets are encrypted.
CREATE TABLE webhook_targets (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,
    secret BLOB NOT NULL,
    told INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    next_at TEXT,
    error TEXT,
    created_at TEXT NOT NULL,
    created_by TEXT
);

-- Records that a target could not be told, after many attempts.
CREATE TABLE untold (
    target TEXT NOT NULL REFERENCES webhook_targets (id) ON DELETE CASCADE,
    record INTEGER NOT NULL,
    error TEXT NOT NULL,
    given_up_at TEXT NOT NULL,
    PRIMARY KEY (target, record)
) WITHOUT ROWID;
