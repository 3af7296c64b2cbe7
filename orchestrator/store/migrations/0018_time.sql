-- What became of undoing it: `compensated`, `compensation_failed`, or nothing; a time limit stays the end all the same.
ALTER TABLE executions ADD COLUMN compensation TEXT;
-- While it rests between two attempts, which is time at work: since when, and until when at most (JSON).
ALTER TABLE executions ADD COLUMN pausing TEXT NOT NULL DEFAULT 'null';
