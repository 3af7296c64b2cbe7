-- Whose a cron is, so that it starts nothing that its owner could no longer start; and why it started nothing last time.
ALTER TABLE crons ADD COLUMN owner TEXT NOT NULL DEFAULT 'null';
ALTER TABLE crons ADD COLUMN failure TEXT NOT NULL DEFAULT 'null';
