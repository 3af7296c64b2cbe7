-- Ends of runs that somebody outside is to be told of: kept with the end, gone when they were told. `body` is what the
-- run left, as it was then.
CREATE TABLE run_webhooks (
    run_id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    url TEXT NOT NULL,
    body TEXT NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    next_at TEXT,
    error TEXT,
    ended_at TEXT NOT NULL,
    given_up_at TEXT
) WITHOUT ROWID;
CREATE INDEX run_webhooks_due ON run_webhooks (given_up_at, next_at);

-- What a tenant's messages about runs are signed with; encrypted.
CREATE TABLE run_webhook_secrets (tenant TEXT PRIMARY KEY, secret BLOB NOT NULL, made_at TEXT NOT NULL) WITHOUT ROWID;
