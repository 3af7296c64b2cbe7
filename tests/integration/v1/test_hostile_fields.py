"""Every text that a request may hold, on every route, made from the OpenAPI document: none of it ever becomes part of
an SQL statement, whatever it is the name of (A16)."""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.v1.test_matrix import House, house
from tests.support.gateway.people import caller
from tests.support.gateway.samples import Samples

__all__ = ["house"]  # the fixture

HOSTILE = "h') OR 1=1 --"


KNOWN = {
    "schedule": "0 0 1 1 *",
    "timezone": "UTC",
    "webhook": None,
    "assistant_id": "echo",
    "graph_id": "echo",
    "workflow": "marked",
    "definition": HOSTILE,
    "template": HOSTILE,
    "ttl": 60,
}
"""Without these, a request would be refused before it comes to anything else."""


class Hostile(Samples):
    """Bodies in which every text, and every name of a field that may have any, is hostile."""

    def value(self, schema: Mapping[str, Any], name: str = "") -> Any:
        if "$ref" in schema:
            return self.value(self._at(schema["$ref"]), name)
        if name in self._known:
            return self._known[name]
        for way in ("anyOf", "oneOf"):
            if way in schema:
                return self.value(schema[way][0], name)
        if "enum" in schema or "const" in schema:
            return schema.get("const", next(iter(schema.get("enum", [None]))))
        if schema.get("format") == "date-time":
            return "2026-01-01T00:00:00Z"
        match schema.get("type"):
            case "object" if "properties" in schema:
                return {key: self.value(inner, key) for key, inner in schema["properties"].items()}
            case "object":
                of = schema.get("additionalProperties")
                return {HOSTILE: self.value(of, name) if isinstance(of, dict) and of else {HOSTILE: HOSTILE}}
            case "array":
                return [self.value(schema.get("items", {}), name)]
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return False
            case "null":
                return None
            case _:
                return HOSTILE


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The text of every statement that any connection is given."""
    said: list[str] = []

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *given: Any) -> Any:
            said.append(sql)
            return super().execute(sql, *given)

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *given: Any) -> Any:
            said.append(sql)
            return super().execute(sql, *given)

        def executemany(self, sql: str, *given: Any) -> Any:
            said.append(sql)
            return super().executemany(sql, *given)

        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

    opened = sqlite3.connect

    def connect(*given: Any, **more: Any) -> Any:
        return opened(*given, **{"factory": Connection, **more})

    monkeypatch.setattr(sqlite3, "connect", connect)
    yield said


def requests(house: House, verb: str, path: str, operation: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests to an operation, each with one thing in it that is hostile: where, and what is sent."""
    usual, hostile = house.samples, Hostile(house.document, KNOWN, {})
    least, where = usual.request(operation), usual.path(path, house.ours)
    yield where, hostile.request(operation)
    for name in usual.parameters(path):
        yield usual.path(path, {**house.ours, name: quote(HOSTILE, safe="")}), least
    for one in operation.get("parameters", ()):
        if one["in"] == "query":
            yield where, {**least, "params": {**least["params"], one["name"]: HOSTILE}}
    body = hostile.request(operation).get("json")
    for name, value in body.items() if isinstance(body, dict) else ():
        yield where, {**least, "json": {**least["json"], name: value}}


@pytest.mark.capability("O21")
async def test_no_text_of_a_request_becomes_part_of_a_statement(statements: list[str], house: House) -> None:
    statements.clear()
    taken: set[str] = set()
    async with caller(house.served.url, await house.key("admin")) as admin:
        # What deletes comes last, so that there is something to look for.
        for verb, path, operation in sorted(house.operations, key=lambda one: one[0] == "DELETE"):
            for where, request in requests(house, verb, path, operation):
                async with admin.stream(verb, where, **request) as answer:
                    assert answer.status_code < 500, f"{verb} {where}: {(await answer.aread()).decode()}"
                    if answer.is_success:
                        taken.add(f"{verb} {path}")
    searches = {f"POST /{what}/search" for what in ("threads", "assistants", "runs/crons", "store/items")}
    assert searches - taken == set()
    assert [sql for sql in statements if "OR 1=1" in sql] == []
