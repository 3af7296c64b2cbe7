"""The audit trail outside the database: written to a file, and checked there."""
