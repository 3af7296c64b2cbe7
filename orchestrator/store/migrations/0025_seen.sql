-- Of events that came as signed messages: a digest of what was said, and the time of the newest signature that was taken.
ALTER TABLE events ADD COLUMN said BLOB;
ALTER TABLE events ADD COLUMN signed_at INTEGER;

-- Which question of a thread somebody was shown last: an answer that names none is for that one, also after a restart.
CREATE TABLE shown_questions (
    thread_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    reader TEXT NOT NULL,
    question TEXT NOT NULL,
    PRIMARY KEY (thread_id, tenant, reader)
) WITHOUT ROWID;
CREATE TRIGGER thread_went AFTER DELETE ON threads BEGIN DELETE FROM shown_questions WHERE thread_id = OLD.id; END;
CREATE TRIGGER execution_went AFTER DELETE ON executions BEGIN DELETE FROM shown_questions WHERE thread_id = OLD.id; END;
