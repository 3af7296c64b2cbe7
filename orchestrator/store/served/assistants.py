"""Assistants and their versions."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphs.errors import BatonError, ConflictError, NotFoundError
from orchestrator.store.acts import about
from orchestrator.store.chapter import Chapter
from orchestrator.store.served.table import Table
from orchestrator.store.served.values import Assistant, Search

_TIMES = ("created_at", "updated_at")
_PLAIN = ("id", "tenant", "graph", "name", "description", "version")
ASSISTANTS = Table("assistants", Assistant, times=_TIMES, plain=_PLAIN)
VERSIONS = Table("assistant_versions", Assistant, times=_TIMES, plain=_PLAIN)


class Assistants(Chapter):
    """The chapter on assistants."""

    async def create_assistant(self, assistant: Assistant, *, again: bool = False) -> Assistant:
        """Keep an assistant, as its version 1; with `again`, gives the one that is there.

        Raises:
            ConflictError: the id is taken.
        """

        def work(db: sqlite3.Connection) -> Assistant | BatonError:
            if older := ASSISTANTS.find(db, id=assistant.id, tenant=assistant.tenant):
                if again:
                    return older
                return ConflictError(f"There is an assistant '{assistant.id}' already.", code="assistant_exists")
            ASSISTANTS.insert(db, assistant)
            VERSIONS.insert(db, assistant)
            return assistant

        kept: Assistant = await self._writer.submit(work)
        return kept

    def assistant(self, assistant_id: str, tenant: str) -> Assistant | None:
        """The assistant, if there is one."""
        rows = self._reader.point(f"{ASSISTANTS.select} WHERE id = ? AND tenant = ?", (assistant_id, tenant))
        return ASSISTANTS.value(rows[0]) if rows else None

    async def assistants(self, which: Search) -> tuple[Sequence[Assistant], int]:
        """Assistants that fit, and how many there are in all."""

        def question(db: sqlite3.Connection) -> tuple[Sequence[Assistant], int]:
            return ASSISTANTS.search(db, which), ASSISTANTS.count(db, which)

        return await self._reader.read(question)

    async def change_assistant(
        self, assistant_id: str, tenant: str, changes: Mapping[str, Any], *, metadata: Mapping[str, Any] | None
    ) -> Assistant:
        """A new version of an assistant.

        Raises:
            NotFoundError: there is none.
        """
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> Assistant | BatonError:
            found = ASSISTANTS.find(db, id=assistant_id, tenant=tenant)
            if found is None:
                return no_assistant(assistant_id)
            sql = "SELECT max(version) FROM assistant_versions WHERE id = ? AND tenant = ?"
            newest = int(db.execute(sql, (assistant_id, tenant)).fetchone()[0])
            merged = {**found.metadata, **(metadata or {})}
            changed = replace(found, **changes, metadata=merged, version=newest + 1, updated_at=now)
            VERSIONS.insert(db, replace(changed, created_at=now))
            return put_in_place(db, changed)

        kept: Assistant = await self._writer.submit(work)
        return kept

    async def set_latest(self, assistant_id: str, tenant: str, version: int) -> Assistant:
        """Make an older version the one that is used.

        Raises:
            NotFoundError: there is no such assistant, or version.
        """
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> Assistant | BatonError:
            older = version_of(db, assistant_id, tenant, version)
            return older if isinstance(older, BatonError) else put_in_place(db, replace(older, updated_at=now))

        kept: Assistant = await self._writer.submit(work)
        return kept

    async def versions(
        self, assistant_id: str, tenant: str, limit: int, offset: int, metadata: Mapping[str, Any]
    ) -> list[Assistant]:
        """Versions of an assistant, newest first."""

        def question(db: sqlite3.Connection) -> list[Assistant]:
            sql = f"{VERSIONS.select} WHERE id = ? AND tenant = ? ORDER BY version DESC"
            found = [VERSIONS.value(row) for row in db.execute(sql, (assistant_id, tenant))]
            fit = [item for item in found if all(item.metadata.get(key) == value for key, value in metadata.items())]
            return fit[offset : offset + limit]

        return await self._reader.read(question)

    async def delete_assistant(self, assistant_id: str, tenant: str) -> None:
        """Delete an assistant and its versions.

        Raises:
            NotFoundError: there is none.
        """

        def work(db: sqlite3.Connection) -> BatonError | None:
            VERSIONS.delete(db, id=assistant_id, tenant=tenant)
            return None if ASSISTANTS.delete(db, id=assistant_id, tenant=tenant) else no_assistant(assistant_id)

        about({"assistant_id": assistant_id})
        await self._writer.submit(work)


def version_of(db: sqlite3.Connection, assistant_id: str, tenant: str, version: int) -> Assistant | NotFoundError:
    """A version of an assistant, as old as the assistant is."""
    found = ASSISTANTS.find(db, id=assistant_id, tenant=tenant)
    if found is None:
        return no_assistant(assistant_id)
    older = VERSIONS.find(db, id=assistant_id, tenant=tenant, version=version)
    if older is None:
        return NotFoundError(
            f"Assistant '{assistant_id}' has no version {version}.", code="assistant_version_not_found"
        )
    return replace(older, created_at=found.created_at)


def put_in_place(db: sqlite3.Connection, assistant: Assistant) -> Assistant:
    """Make a version of an assistant the one that is used."""
    names = ("graph", "name", "description", "version", "config", "context", "metadata", "updated_at")
    ASSISTANTS.update(
        db, {"id": assistant.id, "tenant": assistant.tenant}, {name: getattr(assistant, name) for name in names}
    )
    return assistant


def no_assistant(assistant_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no assistant '{assistant_id}'.",
        hint="POST /assistants/search lists them; the name of a graph or of a published workflow is one as well.",
        code="assistant_not_found",
    )
