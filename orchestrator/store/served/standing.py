"""Threads as they stand when they are looked for. A thread of a workflow is an execution, and that goes on, is answered
and ends in many ways besides a run of the thread: what is asked of its status and its values is asked of the execution.
An execution that goes on, and whose thread nobody has asked for yet, is there too: somebody may have to answer it. But
one that has a run's id gives that run's answer: what it asks is asked on the run's thread."""

from typing import Final

_STATUS: Final = """CASE
    WHEN e.status IN ('completed', 'cancelled') THEN 'idle'
    WHEN e.status = 'paused' THEN 'interrupted'
    WHEN e.status IN ('waiting', 'budget_exceeded') THEN CASE
        WHEN EXISTS (SELECT 1 FROM waits AS w WHERE w.execution_id = e.id AND w.status = 'open' AND NOT w.superseded
            AND w.kind <> 'timer') THEN 'interrupted'
        ELSE 'busy' END
    WHEN e.status IN ('pending', 'queued', 'running', 'compensating') THEN 'busy'
    ELSE 'error' END"""

_GOES_ON: Final = "'pending', 'queued', 'running', 'waiting', 'paused', 'compensating', 'budget_exceeded'"

_VALUES: Final = """json_object('workflow', e.workflow, 'version', e.version, 'status', e.status, 'input',
    json(e.input), 'steps', json('{}'), 'output', json(e.output), 'error', json(e.error))"""

_METADATA: Final = """json_set(e.metadata, '$.graph_id', e.workflow, '$.assistant_id', (SELECT a.id FROM assistants AS a
    WHERE a.tenant = e.tenant AND a.graph = e.workflow AND json_extract(a.metadata, '$.created_by') = 'system'))"""

THREADS_NOW: Final = f"""(
SELECT t.id, t.tenant, CASE WHEN e.id IS NULL OR t.status = 'busy' THEN t.status ELSE {_STATUS} END AS status,
    t.metadata, t.config,
    CASE WHEN e.id IS NULL THEN t.state WHEN json_type(t.state) = 'object' THEN json_patch(t.state, json_object(
        'status', e.status, 'output', json(e.output), 'error', json(e.error))) ELSE {_VALUES} END AS state,
    t.interrupts, t.error, t.ttl, t.expires_at, t.created_at, t.updated_at,
    CASE WHEN e.id IS NULL THEN t.state_updated_at ELSE coalesce(e.updated_at, e.created_at) END AS state_updated_at
FROM threads AS t LEFT JOIN executions AS e ON e.id = t.id AND e.tenant = t.tenant
UNION ALL
SELECT e.id, e.tenant, {_STATUS}, {_METADATA}, '{{}}', {_VALUES}, '{{}}', 'null', 'null', NULL, e.created_at,
    coalesce(e.updated_at, e.created_at), coalesce(e.updated_at, e.created_at)
FROM executions AS e
WHERE e.status IN ({_GOES_ON}) AND NOT EXISTS (SELECT 1 FROM threads AS t WHERE t.id = e.id)
    AND NOT EXISTS (SELECT 1 FROM thread_runs AS r WHERE r.id = e.id)
)"""
"""In place of the table, for searches. It has the table's columns."""
