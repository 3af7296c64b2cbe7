-- How the execution ended, once what it did is being undone (JSON: status, step, error). Nothing asked for later changes it.
ALTER TABLE executions ADD COLUMN concluded TEXT NOT NULL DEFAULT 'null';
-- Who wants it held, since when, why (JSON).
ALTER TABLE executions ADD COLUMN pause_requested TEXT NOT NULL DEFAULT 'null';
