-- How many runs of a tenant have not ended is counted for each new one.
CREATE INDEX thread_runs_of_tenant ON thread_runs (tenant) WHERE status IN ('pending', 'running');
