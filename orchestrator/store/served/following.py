"""A workflow's own assistant follows the workflow: each version that was published is a version of it."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from graphs.errors import BatonError
from orchestrator.store.chapter import Chapter
from orchestrator.store.rows import from_time
from orchestrator.store.served.assistants import ASSISTANTS, VERSIONS, put_in_place, version_of
from orchestrator.store.served.values import Assistant

VERSION: Final = "workflow_version"
"""In the metadata of a version of the assistant: the workflow's version that it is."""

CHOSEN: Final = "chosen"
"""In the metadata of the assistant: a client has chosen this version, which is not the one that is started by name."""

_MARKS = (
    "SELECT name, group_concat(seq || status) FROM workflows WHERE tenant = ? AND (? IS NULL OR name = ?) GROUP BY 1"
)
_PUBLISHED = (
    "SELECT w.version, json_extract(d.document, '$.metadata.description'), w.created_at FROM workflows AS w "
    "JOIN definitions AS d ON d.digest = w.digest WHERE w.tenant = ? AND w.name = ? ORDER BY w.seq"
)
_OFFERED = (
    "SELECT version FROM workflows WHERE tenant = ? AND name = ? ORDER BY status = 'deprecated', seq DESC LIMIT 1"
)


class WorkflowAssistants(Chapter):
    """The chapter on the assistants of workflows."""

    def marks_of_workflows(self, tenant: str, name: str | None = None) -> Mapping[str, str]:
        """By name, what is another whenever a version is published, deprecated or restored."""
        return dict(self._reader.point(_MARKS, (tenant, name, name)))

    async def follow_workflow(self, assistant_id: str, tenant: str, name: str) -> None:
        """Make versions of the assistant of what has been published since. Its latest is the one that is started by
        name, unless a client has chosen another since the newest was published."""
        now = self._clock.now()
        await self._writer.submit(lambda db: _follow(db, assistant_id, tenant, name, now))

    async def choose_version(self, assistant_id: str, tenant: str, version: int, name: str) -> Assistant:
        """Make a version of a workflow's own assistant the one that is used, until a newer one is published.

        Raises:
            NotFoundError: there is no such assistant, or version.
        """
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> Assistant | BatonError:
            older = version_of(db, assistant_id, tenant, version)
            if isinstance(older, BatonError):
                return older
            metadata = _plain(older.metadata)
            if _offered(db, tenant, name) not in (None, metadata.get(VERSION)):
                metadata[CHOSEN] = True
            return put_in_place(db, replace(older, metadata=metadata, updated_at=now))

        kept: Assistant = await self._writer.submit(work)
        return kept


def _follow(db: sqlite3.Connection, assistant_id: str, tenant: str, name: str, now: datetime) -> None:
    own = ASSISTANTS.find(db, id=assistant_id, tenant=tenant)
    published = db.execute(_PUBLISHED, (tenant, name)).fetchall()
    if own is None or not published:
        return
    rows = db.execute(f"{VERSIONS.select} WHERE id = ? AND tenant = ? ORDER BY version", (assistant_id, tenant))
    versions = [VERSIONS.value(row) for row in rows.fetchall()]
    if not any(VERSION in each.metadata for each in versions):  # it was made before it followed its workflow
        versions[0] = _named(db, versions[0], published[0])
    known = {each.metadata.get(VERSION): each for each in versions}
    new = [row for row in published if row[0] not in known]
    for number, row in enumerate(new, start=versions[-1].version + 1):
        at = from_time(row[2]) or now
        known[row[0]] = replace(own, **_said(own, row), version=number, created_at=at, updated_at=at)
        VERSIONS.insert(db, known[row[0]])
    latest = known.get(_offered(db, tenant, name))
    if latest is not None and (new or not own.metadata.get(CHOSEN)):
        put_in_place(db, replace(latest, updated_at=own.updated_at if latest.version == own.version else now))


def _named(db: sqlite3.Connection, version: Assistant, row: Sequence[Any]) -> Assistant:
    said = _said(version, row)
    VERSIONS.update(db, {"id": version.id, "tenant": version.tenant, "version": version.version}, said)
    return replace(version, **said)


def _said(own: Assistant, row: Sequence[Any]) -> dict[str, Any]:
    """What a version that was published says in its assistant's."""
    return {"metadata": _plain(own.metadata) | {VERSION: row[0]}, "description": row[1] or None}


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key != CHOSEN}


def _offered(db: sqlite3.Connection, tenant: str, name: str) -> str | None:
    row = db.execute(_OFFERED, (tenant, name)).fetchone()
    return None if row is None else str(row[0])
