-- Published workflows are a tenant's own: the same name and version may be published by another.
ALTER TABLE workflows RENAME TO workflows_of_one_tenant;
CREATE TABLE workflows (
    seq INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL DEFAULT 'default',
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES definitions (digest),
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT,
    UNIQUE (tenant, name, version)
);
INSERT INTO workflows (seq, name, version, digest, status, created_at, created_by)
    SELECT seq, name, version, digest, status, created_at, created_by FROM workflows_of_one_tenant;
DROP TABLE workflows_of_one_tenant;
CREATE INDEX executions_tenant ON executions (tenant, created_at, id);

-- Keys of the gateway. Of the secret itself only a hash is kept.
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL,
    name TEXT NOT NULL,
    tenant TEXT NOT NULL,
    role TEXT NOT NULL,
    scopes TEXT NOT NULL,
    groups TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT,
    expires_at TEXT,
    revoked_at TEXT,
    used_at TEXT
);
