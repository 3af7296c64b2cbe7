-- Circuit breakers that have counted a failure: kept by the driving engine, reset by anybody.
CREATE TABLE breakers (
    name TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    failures INTEGER NOT NULL,
    opened_at TEXT,
    until TEXT,
    reason TEXT,
    updated_at TEXT NOT NULL
) WITHOUT ROWID;
