"""What is asked of LangGraph's two tables, in SQL."""

import json
import sqlite3
from collections.abc import Sequence

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata, get_checkpoint_metadata
from langgraph.checkpoint.sqlite.utils import pending_writes_sql

from graphs.inputs.secrets import names_a_secret
from orchestrator.store.units import Statement

_TABLES = ("checkpoints", "writes")
_PUT = (
    "INSERT OR REPLACE INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, "
    "checkpoint, metadata) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_READ = (
    "SELECT checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints "
    "WHERE thread_id = ? AND checkpoint_ns = ?"
)
READ_NEWEST = f"{_READ} ORDER BY checkpoint_id DESC LIMIT 1"
READ_ONE = f"{_READ} AND checkpoint_id = ?"
READ_WRITES = pending_writes_sql(True)
_NOT_NEWEST = (
    "DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_id <> (SELECT max(newer.checkpoint_id) "
    "FROM checkpoints AS newer WHERE newer.thread_id = checkpoints.thread_id "
    "AND newer.checkpoint_ns = checkpoints.checkpoint_ns)"
)
_ORPHANS = (
    "DELETE FROM writes WHERE thread_id = ? AND NOT EXISTS (SELECT 1 FROM checkpoints AS kept "
    "WHERE kept.thread_id = writes.thread_id AND kept.checkpoint_ns = writes.checkpoint_ns "
    "AND kept.checkpoint_id = writes.checkpoint_id)"
)
_COPY = (
    "INSERT OR REPLACE INTO checkpoints SELECT ?, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, "
    "checkpoint, metadata FROM checkpoints WHERE thread_id = ?",
    "INSERT OR REPLACE INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, "
    "value) SELECT ?, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value FROM writes "
    "WHERE thread_id = ?",
)


def put(key: tuple[str, str, str], parent: str | None, kind: str, body: bytes, metadata: bytes) -> Statement:
    """Keep a checkpoint, as the official saver does."""
    return _PUT, (*key, parent, kind, body, metadata)


def whole_metadata(config: RunnableConfig, metadata: CheckpointMetadata) -> bytes:
    """A checkpoint's metadata with what the caller's configuration says besides, as the official saver keeps it; but
    for the secrets in it."""
    own = {name: value for name, value in config["configurable"].items() if not names_a_secret(name)}
    whole = get_checkpoint_metadata({**config, "configurable": own}, metadata)
    return json.dumps(whole, ensure_ascii=False).encode("utf-8", "ignore")


def only(key: tuple[str, str, str], *, below: bool) -> list[Statement]:
    """Delete the plan's other checkpoints, and (where there is anything) everything below its namespace.

    "Other" instead of "older": ids are times, and after a clock was set back the older one would count as the newest.
    What is below belongs to the superstep that the new checkpoint closes: its plans are done.
    """
    others: list[Statement] = [
        (f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id <> ?", key)
        for table in _TABLES
    ]
    if not below:
        return others
    thread, namespace, _ = key
    inside = (thread, f"{namespace}|", f"{namespace}}}") if namespace else (thread, "", "\U0010ffff")
    return others + [
        (f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_ns > ? AND checkpoint_ns < ?", inside)
        for table in _TABLES
    ]


def delete(thread: str) -> list[Statement]:
    """Delete a thread's checkpoints and writes."""
    return [(f"DELETE FROM {table} WHERE thread_id = ?", (thread,)) for table in _TABLES]


def keep_newest(thread: str) -> list[Statement]:
    """Delete all but the newest checkpoint of each namespace, and writes that belong to none."""
    return [(_NOT_NEWEST, (thread,)), (_ORPHANS, (thread,))]


def copy(source: str, target: str) -> list[Statement]:
    """Copy a thread's checkpoints and writes."""
    return [(sql, (target, source)) for sql in _COPY]


def of_runs(db: sqlite3.Connection, run_ids: Sequence[str]) -> list[tuple[str, str, str]]:
    """The keys of the checkpoints that these runs made. Looks at all: there is no index on metadata."""
    marks = ", ".join("?" * len(run_ids))
    sql = (
        "SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints "
        f"WHERE json_extract(CAST(metadata AS TEXT), '$.run_id') IN ({marks})"
    )
    return [(thread, namespace, checkpoint) for thread, namespace, checkpoint in db.execute(sql, run_ids)]


def delete_keys(keys: list[tuple[str, str, str]]) -> list[Statement]:
    """Delete checkpoints and their writes by key."""
    where = "WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?"
    return [(f"DELETE FROM {table} {where}", keys) for table in _TABLES]
