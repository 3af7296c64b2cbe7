"""Definitions by digest, and the catalogue of published versions."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from graphs.errors import BatonError, ConflictError, NotFoundError
from orchestrator.store.acts import about
from orchestrator.store.chapter import Chapter
from orchestrator.store.port import DEFAULT_TENANT, PublishedWorkflow
from orchestrator.store.rows import from_json, to_json, to_time

_KEEP = "INSERT OR IGNORE INTO definitions (digest, document) VALUES (?, ?)"
_SELECT = (
    "SELECT w.name, w.version, w.digest, w.status, d.document, w.created_at, w.created_by, w.tenant "
    "FROM workflows AS w JOIN definitions AS d ON d.digest = w.digest"
)


class Catalogue(Chapter):
    """The chapter on definitions."""

    async def keep_definition(self, digest: str, document: Mapping[str, Any]) -> None:
        """See the port. Known digests cost one look."""
        if not self._reader.point("SELECT 1 FROM definitions WHERE digest = ?", (digest,)):
            await self._writer.submit([(_KEEP, (digest, to_json(document)))])

    async def definition(self, digest: str) -> Mapping[str, Any] | None:
        """See the port."""
        rows = self._reader.point("SELECT document FROM definitions WHERE digest = ?", (digest,))
        return from_json(rows[0][0]) if rows else None

    async def publish(self, workflow: PublishedWorkflow) -> PublishedWorkflow:
        """See the port. The same digest again gives the version as it stands."""
        document, created_at = to_json(workflow.document), to_time(workflow.created_at)

        def work(db: sqlite3.Connection) -> PublishedWorkflow | BatonError:
            if there := _version(db, workflow.tenant, workflow.name, workflow.version):
                return there if there.digest == workflow.digest else _taken(there)
            db.execute(_KEEP, (workflow.digest, document))
            db.execute(
                "INSERT INTO workflows (tenant, name, version, digest, status, created_at, created_by) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    workflow.tenant,
                    workflow.name,
                    workflow.version,
                    workflow.digest,
                    workflow.status,
                    created_at,
                    workflow.created_by,
                ),
            )
            return workflow

        about({"name": workflow.name, "version": workflow.version})
        published: PublishedWorkflow = await self._writer.submit(work)
        return published

    async def published(
        self, name: str, version: str | None = None, *, tenant: str = DEFAULT_TENANT
    ) -> PublishedWorkflow | None:
        """See the port. "Newest" is published last: versions are names, not always numbers."""
        which = f"{_SELECT} WHERE w.tenant = ? AND w.name = ?"
        if version is not None:
            rows = self._reader.point(f"{which} AND w.version = ?", (tenant, name, version))
        else:
            rows = self._reader.point(f"{which} ORDER BY w.status = 'deprecated', w.seq DESC LIMIT 1", (tenant, name))
        return _from_row(rows[0]) if rows else None

    async def catalogue(self, name: str | None = None, *, tenant: str = DEFAULT_TENANT) -> Sequence[PublishedWorkflow]:
        """See the port. By name, newest version first."""
        sql = f"{_SELECT} WHERE w.tenant = ? AND (? IS NULL OR w.name = ?) ORDER BY w.name, w.seq DESC"
        rows = await self._reader.read(lambda db: db.execute(sql, (tenant, name, name)).fetchall())
        return [_from_row(row) for row in rows]

    async def deprecate(
        self, name: str, version: str, *, deprecated: bool = True, tenant: str = DEFAULT_TENANT
    ) -> PublishedWorkflow:
        """See the port.

        Raises:
            NotFoundError: there is no such version.
        """
        status = "deprecated" if deprecated else "published"

        def work(db: sqlite3.Connection) -> PublishedWorkflow | BatonError:
            db.execute(
                "UPDATE workflows SET status = ? WHERE tenant = ? AND name = ? AND version = ?",
                (status, tenant, name, version),
            )
            return _version(db, tenant, name, version) or NotFoundError(
                f"There is no published workflow {name}@{version}.",
                hint="List what there is: baton workflows.",
                code="workflow_not_found",
            )

        changed: PublishedWorkflow = await self._writer.submit(work)
        return changed


def _version(db: sqlite3.Connection, tenant: str, name: str, version: str) -> PublishedWorkflow | None:
    sql = f"{_SELECT} WHERE w.tenant = ? AND w.name = ? AND w.version = ?"
    row = db.execute(sql, (tenant, name, version)).fetchone()
    return _from_row(row) if row else None


def _taken(there: PublishedWorkflow) -> ConflictError:
    return ConflictError(
        f"{there.name}@{there.version} is published already, with another definition (digest {there.digest[:12]}).",
        hint="Published versions never change: give this one a new version.",
        code="version_taken",
        name=there.name,
        version=there.version,
        digest=there.digest,
    )


def _from_row(row: Sequence[Any]) -> PublishedWorkflow:
    name, version, digest, status, document, created_at, created_by, tenant = row
    return PublishedWorkflow(
        name=name,
        version=version,
        digest=digest,
        status=status,
        document=from_json(document),
        created_at=datetime.fromisoformat(created_at),
        created_by=created_by,
        tenant=tenant,
    )
