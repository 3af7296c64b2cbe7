"""A table whose columns are the fields of a value: what is asked of it, in SQL with bound parameters only."""

import dataclasses
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from graphs.errors import InputError
from orchestrator.store.rows import from_json, from_time, to_json, to_time
from orchestrator.store.served.values import Search

T = TypeVar("T")

_NAMES: Final = 50
"""Of a column of JSON, in one search: SQLite reads each row's JSON, and keeps it, once for each of them."""


class Table(Generic[T]):
    """Rows to values and back.

    Args:
        name: The table.
        kind: A dataclass whose fields are its columns.
        times: Columns that hold times.
        plain: Columns that hold text and numbers; the others hold JSON.
    """

    def __init__(self, name: str, kind: type[T], *, times: Iterable[str], plain: Iterable[str]) -> None:
        self.name = name
        self.columns = [item.name for item in dataclasses.fields(kind)]  # type: ignore[arg-type]
        self._kind = kind
        self._times = frozenset(times)
        self._plain = frozenset(plain)
        self.select = f"SELECT {', '.join(self.columns)} FROM {name}"

    def value(self, row: Sequence[Any]) -> T:
        """The value of a row of `select`."""
        return self._kind(**{name: self.read(name, cell) for name, cell in zip(self.columns, row, strict=True)})

    def insert(self, db: sqlite3.Connection, value: T, *, leave_out: Sequence[str] = ()) -> int:
        """Insert a value; gives the row's number."""
        names = [name for name in self.columns if name not in leave_out]
        sql = f"INSERT INTO {self.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        return int(db.execute(sql, [self.cell(name, getattr(value, name)) for name in names]).lastrowid or 0)

    def update(self, db: sqlite3.Connection, where: Mapping[str, Any], changes: Mapping[str, Any]) -> int:
        """Change rows; gives how many."""
        sets = ", ".join(f"{name} = ?" for name in changes)
        given = [self.cell(name, value) for name, value in changes.items()]
        conditions, parameters = self._equal(where)
        return db.execute(f"UPDATE {self.name} SET {sets} WHERE {conditions}", [*given, *parameters]).rowcount

    def find(self, db: sqlite3.Connection, **where: Any) -> T | None:
        """The one row that has these values."""
        conditions, parameters = self._equal(where)
        row = db.execute(f"{self.select} WHERE {conditions}", parameters).fetchone()
        return None if row is None else self.value(row)

    def delete(self, db: sqlite3.Connection, **where: Any) -> int:
        """Delete rows; gives how many."""
        conditions, parameters = self._equal(where)
        return db.execute(f"DELETE FROM {self.name} WHERE {conditions}", parameters).rowcount

    def search(self, db: sqlite3.Connection, which: Search) -> list[T]:
        """Rows, in order."""
        conditions, parameters = self.conditions(which)
        way = "DESC" if which.descending else "ASC"
        assert which.sort_by in self.columns
        sql = f"{self.select} WHERE {conditions} ORDER BY {which.sort_by} {way}, id {way} LIMIT ? OFFSET ?"
        return [self.value(row) for row in db.execute(sql, [*parameters, which.limit, which.offset])]

    def count(self, db: sqlite3.Connection, which: Search) -> int:
        """How many rows there are."""
        conditions, parameters = self.conditions(which)
        return int(db.execute(f"SELECT count(*) FROM {self.name} WHERE {conditions}", parameters).fetchone()[0])

    def conditions(self, which: Search) -> tuple[str, list[Any]]:
        """A search as SQL: what people give is in parameters only, paths into JSON too."""
        conditions, parameters = self._equal({"tenant": which.tenant, **which.fields})
        parts = [conditions]
        for name, values in which.among.items():
            assert name in self.columns
            parts.append(f"{name} IN (SELECT value FROM json_each(?))")
            parameters.append(to_json(list(values)))
        for name, text in which.holding.items():
            assert name in self.columns
            parts.append(f"instr(lower({name}), lower(?)) > 0")
            parameters.append(text)
        for column, wanted in (("metadata", which.metadata), ("state", which.state)):
            for condition, given in _held(column, wanted):
                parts.append(condition)
                parameters += given
        for name, wanted in which.only.items():
            several = wanted.get("$contains") if isinstance(wanted, Mapping) else None
            if several is None:
                [(path, value)] = _leaves({name: wanted["$eq"] if isinstance(wanted, Mapping) else wanted})
                parts.append("json_extract(metadata, ?) IS json_extract(?, '$')")
                parameters += [path, to_json(value)]
                continue
            for value in several if isinstance(several, list) else [several]:
                [(path, _)] = _leaves({name: None})
                each = "json_each(json_extract(metadata, ?))"
                parts.append(f"EXISTS (SELECT 1 FROM {each} AS e WHERE e.value IS json_extract(?, '$'))")
                parameters += [path, to_json(value)]
        return " AND ".join(parts), parameters

    def cell(self, name: str, value: Any) -> Any:
        """A value as its column holds it."""
        if name in self._times:
            return to_time(value) if isinstance(value, datetime) else None
        return value if name in self._plain else to_json(value)

    def read(self, name: str, cell: Any) -> Any:
        """The value of a column's cell."""
        if name in self._times:
            return from_time(cell)
        return cell if name in self._plain else from_json(cell)

    def _equal(self, where: Mapping[str, Any]) -> tuple[str, list[Any]]:
        assert all(name in self.columns for name in where)
        return " AND ".join(f"{name} IS ?" for name in where), [self.cell(name, item) for name, item in where.items()]


def _held(column: str, wanted: Mapping[str, Any]) -> Iterable[tuple[str, list[Any]]]:
    """Conditions for a column's JSON to hold this, and what they are asked with."""
    leaves = list(_leaves(wanted))
    if len(leaves) > _NAMES:
        raise InputError(f"A search may ask for {_NAMES} values of a thing at most.", code="search_invalid")
    for path, value in leaves:
        if value is None or isinstance(value, Mapping):  # what is missing is neither
            yield f"json_type({column}, ?) = '{'null' if value is None else 'object'}'", [path]
        else:
            yield f"json_extract({column}, ?) IS json_extract(?, '$')", [path, to_json(value)]


def _leaves(wanted: Mapping[str, Any], above: str = "$") -> Iterable[tuple[str, Any]]:
    for name, value in wanted.items():
        # SQLite compares a label with the text of the document as it stands there, escapes and all.
        if to_json(name) != f'"{name}"':
            raise InputError(f"The name {name!r} cannot be searched for.", code="search_invalid")
        path = f'{above}."{name}"'
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value
