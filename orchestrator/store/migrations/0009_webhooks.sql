-- Who may send us messages: each source is a tenant's, and its messages become events of one type. The secrets are
-- encrypted.
CREATE TABLE webhook_sources (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    event_type TEXT NOT NULL,
    secrets BLOB NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT,
    UNIQUE (tenant, name)
);
