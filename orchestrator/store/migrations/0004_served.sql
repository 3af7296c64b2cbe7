-- What the gateway keeps: the assistants, threads, runs, items and crons of clients.
-- Each tenant has its own of every graph: workflows of the same name may be different ones.
CREATE TABLE assistants (
    id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    graph TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    version INTEGER NOT NULL,
    config TEXT NOT NULL,
    context TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX assistants_graph ON assistants (tenant, graph);

CREATE TABLE assistant_versions (
    id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    graph TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    version INTEGER NOT NULL,
    config TEXT NOT NULL,
    context TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (tenant, id, version)
) WITHOUT ROWID;

-- A thread of a workflow is an execution of the same id; what stands here of it is what its last run left.
CREATE TABLE threads (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    status TEXT NOT NULL,
    metadata TEXT NOT NULL,
    config TEXT NOT NULL,
    state TEXT NOT NULL,
    interrupts TEXT NOT NULL,
    error TEXT NOT NULL,
    ttl TEXT NOT NULL,
    expires_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    state_updated_at TEXT NOT NULL
);
CREATE INDEX threads_newest ON threads (tenant, created_at, id);
CREATE INDEX threads_expire ON threads (expires_at) WHERE expires_at IS NOT NULL;

-- What clients asked for; `runs` has one row for each time a process took an execution up.
CREATE TABLE thread_runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    thread_id TEXT NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    tenant TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    graph TEXT NOT NULL,
    status TEXT NOT NULL,
    request TEXT NOT NULL,
    metadata TEXT NOT NULL,
    multitask TEXT NOT NULL,
    priority INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    begun_at TEXT NOT NULL, -- the checkpoint it began at, as JSON
    stop TEXT,
    error TEXT NOT NULL,
    idempotency_key TEXT,
    due_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    ended_at TEXT
);
CREATE INDEX thread_runs_thread ON thread_runs (thread_id, seq);
CREATE INDEX thread_runs_open ON thread_runs (status) WHERE status IN ('pending', 'running');
-- Whatever else goes wrong, two runs never hold one thread.
CREATE UNIQUE INDEX thread_runs_alone ON thread_runs (thread_id) WHERE status = 'running';
CREATE UNIQUE INDEX thread_runs_idempotent ON thread_runs (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- What resumable runs said, but for the tokens of models: listeners that come back after a crash read it here.
CREATE TABLE run_events (
    run_id TEXT NOT NULL REFERENCES thread_runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    event TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;

-- Namespaces are JSON lists as text, so that their parts may hold any character.
CREATE TABLE items (
    tenant TEXT NOT NULL,
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    ttl REAL,
    expires_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (tenant, namespace, key)
) WITHOUT ROWID;
CREATE INDEX items_expire ON items (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE crons (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    thread_id TEXT REFERENCES threads (id) ON DELETE CASCADE,
    schedule TEXT NOT NULL,
    timezone TEXT,
    request TEXT NOT NULL,
    metadata TEXT NOT NULL,
    on_run_completed TEXT,
    enabled INTEGER NOT NULL,
    end_at TEXT,
    next_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX crons_thread ON crons (thread_id);
CREATE INDEX crons_next ON crons (next_at) WHERE enabled AND next_at IS NOT NULL;
