-- What failed for good, with a changed input perhaps; and who dies again and again while it is being driven.
ALTER TABLE dead_letters ADD COLUMN escalated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letters ADD COLUMN edit TEXT NOT NULL DEFAULT 'null';
-- How often in a row a process died while it drove the execution, which got no further than record `progress`.
ALTER TABLE executions ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN progress INTEGER NOT NULL DEFAULT 0;
-- Up to which record each sink of alerts has been told.
CREATE TABLE alert_sinks (
    name TEXT PRIMARY KEY,
    told INTEGER NOT NULL
);
CREATE INDEX records_alerts ON records (seq) WHERE kind = 'alert.raised';
