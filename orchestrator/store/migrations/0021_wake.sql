-- When it is to be taken up again, for what is in no wait: the end of a composite step's time, or of its own.
ALTER TABLE executions ADD COLUMN wake_at TEXT;
-- What rests already is looked at once, and says it then.
UPDATE executions SET wake_at = updated_at WHERE status IN ('waiting', 'budget_exceeded');
