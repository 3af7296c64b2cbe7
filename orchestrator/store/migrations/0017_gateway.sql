-- Whom a message about a run goes to: one host that does not answer delays no other.
ALTER TABLE run_webhooks ADD COLUMN host TEXT NOT NULL DEFAULT '';

-- What was asked for with an idempotency key: the same key with something else is a mistake of the caller.
ALTER TABLE thread_runs ADD COLUMN fingerprint TEXT;
ALTER TABLE executions ADD COLUMN fingerprint TEXT;
