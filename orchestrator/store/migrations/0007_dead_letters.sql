-- What failed for good and needs a person. One for each failure, however often its end is told.
CREATE TABLE dead_letters (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    workflow TEXT NOT NULL,
    tenant TEXT NOT NULL,
    error TEXT NOT NULL,
    about TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    closed_at TEXT,
    closed_by TEXT,
    note TEXT
);
CREATE UNIQUE INDEX dead_letters_open ON dead_letters (execution_id, path) WHERE status = 'open';
CREATE INDEX dead_letters_execution ON dead_letters (execution_id);
CREATE INDEX dead_letters_status ON dead_letters (status, seq);
