-- Which thread a conversation of a chat client goes on in: by a digest of what was said in it so far, or by the name the
-- client gave it. `asked` are the questions it ended with.
CREATE TABLE conversations (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    thread_id TEXT NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    run_id TEXT,
    checkpoint_id TEXT,
    asked TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
) WITHOUT ROWID;
CREATE INDEX conversations_thread ON conversations (thread_id);
