"""Published workflows, looked up without an engine: checks of definitions are over before one would be open."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import orjson

from orchestrator.store.connect import connect
from orchestrator.store.values import DEFAULT_TENANT

_NAMES: Final = "SELECT DISTINCT name FROM workflows WHERE tenant = ? ORDER BY name"
_ONE: Final = (
    "SELECT d.document FROM workflows AS w JOIN definitions AS d ON d.digest = w.digest WHERE w.tenant = ? "
    "AND w.name = ? AND (? IS NULL OR w.version = ?) ORDER BY w.status = 'deprecated', w.seq DESC LIMIT 1"
)
"""As `orchestrator.store.catalogue` chooses: what was published last, of those that are offered."""


class Lookup:
    """What a tenant has published in a file.

    Raises:
        StoreError: the file cannot be opened.
    """

    def __init__(self, path: Path, tenant: str = DEFAULT_TENANT) -> None:
        self._path = path
        self._tenant = tenant

    @cached_property
    def names(self) -> Sequence[str]:
        """Every name."""
        return [name for (name,) in self._rows(_NAMES)]

    def find(self, name: str, version: str | None) -> Mapping[str, Any] | None:
        """The definition of a version; of the newest where none is asked for."""
        rows = self._rows(_ONE, name, version, version)
        return orjson.loads(rows[0][0]) if rows else None

    def _rows(self, sql: str, *parameters: str | None) -> list[Any]:
        with closing(connect(self._path, read_only=True)) as db:
            try:
                return db.execute(sql, (self._tenant, *parameters)).fetchall()
            except sqlite3.OperationalError:
                return []  # a file of an older Baton, or one in which nothing was ever published
