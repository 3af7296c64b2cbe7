-- What a retry or a fork gives its steps in place of what they say: another model, an edited input of a step (JSON).
ALTER TABLE executions ADD COLUMN changes TEXT NOT NULL DEFAULT 'null';
