-- Events that start workflows: up to which event they were looked at. What was published before is over.
CREATE TABLE trigger_place (seen INTEGER NOT NULL);
INSERT INTO trigger_place (seen) SELECT ifnull(max(seq), 0) FROM events;

-- Triggers stand in definitions; here are those that somebody has switched off.
CREATE TABLE triggers_off (
    tenant TEXT NOT NULL,
    workflow TEXT NOT NULL,
    name TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    changed_by TEXT,
    PRIMARY KEY (tenant, workflow, name)
) WITHOUT ROWID;

-- Events that a trigger could not start its workflow for.
CREATE TABLE untriggered (
    tenant TEXT NOT NULL,
    workflow TEXT NOT NULL,
    name TEXT NOT NULL,
    event TEXT NOT NULL,
    error TEXT NOT NULL,
    failed_at TEXT NOT NULL,
    PRIMARY KEY (tenant, workflow, name, event)
) WITHOUT ROWID;
