"""Where executions are kept: the port (`port`), SQLite behind it (`sqlite`, `writer`, `saver`), migrations."""
