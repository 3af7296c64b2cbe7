-- An execution that replays another: whose record its side effects are served from, and which steps are performed.
ALTER TABLE executions ADD COLUMN replay TEXT NOT NULL DEFAULT 'null';
