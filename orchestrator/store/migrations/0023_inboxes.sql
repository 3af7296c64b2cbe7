-- Events that nothing has taken yet, counted by tenant: so many of them are kept, and no more. Counted here, so that
-- whoever keeps, delivers or deletes one cannot forget it.
ALTER TABLE events ADD COLUMN early INTEGER NOT NULL DEFAULT 0;
UPDATE events SET early = 1 WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.event = events.seq);
CREATE INDEX events_early ON events (tenant, received_at) WHERE early;

CREATE TABLE event_inboxes (
    tenant TEXT PRIMARY KEY,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO event_inboxes (tenant, events, bytes)
    SELECT tenant, count(*), sum(length(CAST(data AS BLOB))) FROM events WHERE early AND tenant IS NOT NULL GROUP BY tenant;

CREATE TRIGGER event_came AFTER INSERT ON events WHEN NEW.early AND NEW.tenant IS NOT NULL BEGIN
    INSERT INTO event_inboxes (tenant, events, bytes) VALUES (NEW.tenant, 1, length(CAST(NEW.data AS BLOB)))
        ON CONFLICT (tenant) DO UPDATE SET events = events + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER event_taken AFTER UPDATE OF early ON events WHEN OLD.early AND NOT NEW.early BEGIN
    UPDATE event_inboxes SET events = events - 1, bytes = bytes - length(CAST(OLD.data AS BLOB)) WHERE tenant = OLD.tenant;
END;
CREATE TRIGGER event_gone AFTER DELETE ON events WHEN OLD.early BEGIN
    UPDATE event_inboxes SET events = events - 1, bytes = bytes - length(CAST(OLD.data AS BLOB)) WHERE tenant = OLD.tenant;
END;
CREATE TRIGGER event_delivered AFTER INSERT ON deliveries BEGIN
    UPDATE events SET early = 0 WHERE seq = NEW.event AND early;
END;
