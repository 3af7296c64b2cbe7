-- What executions emit is not counted with what comes from outside: a workflow whose events nobody takes would else
-- close its tenant's inbox.
ALTER TABLE events ADD COLUMN emitted INTEGER NOT NULL DEFAULT 0;
UPDATE events SET emitted = 1 WHERE source IN (SELECT id FROM executions);
CREATE INDEX events_outside ON events (tenant, received_at) WHERE early AND NOT emitted;

DROP TRIGGER event_came;
DROP TRIGGER event_taken;
DROP TRIGGER event_gone;
DELETE FROM event_inboxes;
INSERT INTO event_inboxes (tenant, events, bytes)
    SELECT tenant, count(*), sum(length(CAST(data AS BLOB))) FROM events
    WHERE early AND NOT emitted AND tenant IS NOT NULL GROUP BY tenant;

CREATE TRIGGER event_came AFTER INSERT ON events
    WHEN NEW.early AND NOT NEW.emitted AND NEW.tenant IS NOT NULL BEGIN
    INSERT INTO event_inboxes (tenant, events, bytes) VALUES (NEW.tenant, 1, length(CAST(NEW.data AS BLOB)))
        ON CONFLICT (tenant) DO UPDATE SET events = events + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER event_taken AFTER UPDATE OF early ON events
    WHEN OLD.early AND NOT NEW.early AND NOT OLD.emitted BEGIN
    UPDATE event_inboxes SET events = events - 1, bytes = bytes - length(CAST(OLD.data AS BLOB)) WHERE tenant = OLD.tenant;
END;
CREATE TRIGGER event_gone AFTER DELETE ON events WHEN OLD.early AND NOT OLD.emitted BEGIN
    UPDATE event_inboxes SET events = events - 1, bytes = bytes - length(CAST(OLD.data AS BLOB)) WHERE tenant = OLD.tenant;
END;
