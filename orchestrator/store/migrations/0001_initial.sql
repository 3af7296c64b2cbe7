-- LangGraph's own tables, as langgraph-checkpoint-sqlite makes them: its saver can read this file.
CREATE TABLE IF NOT EXISTS checkpoints (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    parent_checkpoint_id TEXT,
    type TEXT,
    checkpoint BLOB,
    metadata BLOB,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
);
CREATE TABLE IF NOT EXISTS writes (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    task_path TEXT NOT NULL DEFAULT '',
    idx INTEGER NOT NULL,
    channel TEXT NOT NULL,
    type TEXT,
    value BLOB,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
);

-- Ours. Times are ISO 8601 in UTC with microseconds; JSON is text.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE definitions (
    digest TEXT PRIMARY KEY,
    document TEXT NOT NULL
);

CREATE TABLE workflows (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES definitions (digest),
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT,
    UNIQUE (name, version)
);

CREATE TABLE executions (
    id TEXT PRIMARY KEY,
    workflow TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL,
    status TEXT NOT NULL,
    input TEXT NOT NULL,
    output TEXT NOT NULL,
    error TEXT NOT NULL,
    pins TEXT NOT NULL,
    metadata TEXT NOT NULL,
    user_context TEXT NOT NULL,
    variables TEXT NOT NULL,
    priority INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    parent TEXT,
    forked_at TEXT,
    idempotency_key TEXT,
    engine_format INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    signal INTEGER NOT NULL,
    seen INTEGER NOT NULL DEFAULT 0, -- what `signal` was when it went to rest
    active_seconds REAL NOT NULL,
    drives INTEGER NOT NULL,
    cancel_requested TEXT NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT,
    updated_at TEXT
);
CREATE UNIQUE INDEX executions_idempotent ON executions (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX executions_newest ON executions (created_at, id);
CREATE INDEX executions_status ON executions (status, created_at, id);
CREATE INDEX executions_workflow ON executions (workflow, created_at, id);
CREATE INDEX executions_parent ON executions (parent) WHERE parent IS NOT NULL;

CREATE TABLE secrets (
    execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (execution_id, name)
) WITHOUT ROWID;

-- One row for each time a process took an execution up; `ended_at` stays empty when that process died.
CREATE TABLE runs (
    seq INTEGER PRIMARY KEY,
    execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    reason TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    status TEXT,
    UNIQUE (execution_id, number)
);

-- No foreign key: this is the engine's hottest insert. AUTOINCREMENT, because a seq must never be used twice.
CREATE TABLE records (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    execution_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT,
    generation INTEGER NOT NULL,
    at TEXT NOT NULL,
    data TEXT NOT NULL,
    superseded INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX records_execution ON records (execution_id);

CREATE TABLE waits (
    seq INTEGER PRIMARY KEY,
    execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    generation INTEGER NOT NULL,
    kind TEXT NOT NULL,
    question TEXT NOT NULL,
    event_type TEXT,
    match TEXT NOT NULL,
    match_fields TEXT NOT NULL,
    match_values TEXT NOT NULL,
    due TEXT,
    lookback REAL NOT NULL,
    on_timeout TEXT NOT NULL,
    response_schema TEXT NOT NULL,
    assignees TEXT NOT NULL,
    tenant TEXT NOT NULL,
    status TEXT NOT NULL,
    answer TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    closed_at TEXT,
    superseded INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX waits_place ON waits (execution_id, path, generation) WHERE NOT superseded;
CREATE INDEX waits_execution ON waits (execution_id);
CREATE INDEX waits_open ON waits (opened_at) WHERE status = 'open';
CREATE INDEX waits_due ON waits (execution_id, due) WHERE status = 'open' AND due IS NOT NULL;
-- An event finds the waits it answers by what they ask for, not by looking at each.
CREATE INDEX waits_awaited ON waits (event_type, match_fields, match_values) WHERE status = 'open' AND kind = 'event';

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    key TEXT,
    tenant TEXT,
    source TEXT,
    data TEXT NOT NULL,
    received_at TEXT NOT NULL
);
CREATE UNIQUE INDEX events_key ON events (type, key, ifnull(tenant, '')) WHERE key IS NOT NULL;
CREATE INDEX events_received ON events (type, received_at);

CREATE TABLE deliveries (
    event INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
    execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    PRIMARY KEY (event, execution_id)
) WITHOUT ROWID;
CREATE INDEX deliveries_execution ON deliveries (execution_id);

CREATE TABLE signals (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    execution_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT
);
