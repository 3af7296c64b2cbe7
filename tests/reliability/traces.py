"""What runs leave behind, read without the engine.

Its SQLite file by plain `sqlite3`, the services' own log of requests and ledger of effects over HTTP, the file that
in-process steps wrote into, and what was known outside at every kill.

    act         something a step did outside the engine: a request that arrived, a line in the journal
    settled     a step has a result in the engine's file
    in flight   at a kill: the killed process had begun an act of the step, and the step had not settled
"""

import json
import re
import sqlite3
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx

Json = dict[str, Any]

SETTLED = ("completed", "failed", "timed_out", "cancelled", "skipped")
FINAL = ("completed", "failed", "timed_out", "cancelled", "compensated", "compensation_failed", "budget_exceeded")


class Step(NamedTuple):
    """A step of an execution, once."""

    execution: str
    path: str
    generation: int

    def __str__(self) -> str:
        return f"{self.execution}:{self.path}:{self.generation}"


class Act(NamedTuple):
    """Something a step did outside.

    Attributes:
        number: Its place in its log.
        what: Key and place together: the same again is a repeat.
        life: Which of the engine's processes did it: 0 for the first, 1 for the one after the first kill …
    """

    step: Step
    number: int
    what: str
    digest: str
    life: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """What was known outside when a process had been killed.

    Attributes:
        requests, lines: How much the services' log and the journal held.
        copy: The engine's file (and its WAL) as the killed process left it.
        acknowledged: What the engine had acknowledged before: starts, decisions, events.
        in_flight: Steps that were; with none, the kill does not count.
    """

    requests: int
    lines: int
    copy: Path
    acknowledged: Sequence[Json]
    in_flight: frozenset[Step] = frozenset()

    @property
    def counts(self) -> bool:
        return bool(self.in_flight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where to look.

    Attributes:
        expected: The status in which each execution must have ended.
        reads: Requests that carry no key because they change nothing (patterns), and whose they are.
    """

    database: Path
    journal: Path
    requests: Sequence[Json]
    effects: Sequence[Json]
    expected: Mapping[str, str]
    reads: Mapping[str, Step]
    kills: Sequence[Kill] = ()


# -- reading -------------------------------------------------------------------------------------------------------


def asked_of(url: str) -> tuple[list[Json], list[Json]]:
    """The services' log of requests, and their ledger of effects."""
    with httpx.Client(base_url=url, timeout=30, verify=False, trust_env=False) as client:
        requests = client.get("/_control/requests").raise_for_status().json()["requests"]
        effects = client.get("/_control/effects").raise_for_status().json()["effects"]
    return requests, effects


def lines_of(journal: Path) -> list[Json]:
    """The journal, line by line."""
    return [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []


def rows(database: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a question to a file gives."""
    with closing(sqlite3.connect(database)) as db:
        return db.execute(sql, values).fetchall()


def integrity(database: Path) -> str:
    """What SQLite itself thinks of the file; `ok`, or what is broken."""
    try:
        return str(rows(database, "PRAGMA integrity_check")[0][0])
    except sqlite3.DatabaseError as error:
        return str(error)


def unfinished(database: Path) -> dict[str, str]:
    """Executions that have not ended, and their statuses."""
    return {name: status for name, status in rows(database, "SELECT id, status FROM executions") if status not in FINAL}


def settled(database: Path) -> dict[Step, list[Json]]:
    """Every step that has a result, with its results (one, if all is well)."""
    found: dict[Step, list[Json]] = defaultdict(list)
    kinds = ", ".join(f"'step.{status}'" for status in SETTLED)
    sql = f"SELECT execution_id, path, generation, data FROM records WHERE kind IN ({kinds}) ORDER BY seq"
    for execution, path, generation, data in rows(database, sql):
        found[Step(execution, path, generation)].append(json.loads(data))
    return found


def acts(evidence: Evidence, deny: Callable[[str], None] = lambda _: None) -> list[Act]:
    """Everything that was done outside, and by which life of the engine; `deny` hears of what no step can have done."""
    by_request = [kill.requests for kill in evidence.kills]
    by_line = [kill.lines for kill in evidence.kills]
    done = []
    for row in evidence.requests:
        place = f"{row['method']} {row['service']} {row['path']}" + (f"?{row['query']}" if row["query"] else "")
        key = row["idempotency_key"]
        step = of_key(key) if key else _reader(place, evidence.reads)
        if step is None or step.execution not in evidence.expected:
            deny(f"a request that nobody can have made: {place} with key {key}")
            continue
        life = bisect_left(by_request, row["id"])
        done.append(Act(step, row["id"], f"{key} {place}", row["body_digest"], life))
    for number, line in enumerate(lines_of(evidence.journal), 1):
        step = of_key(line["key"])
        if line["what"] == "begin" and step is not None:
            done.append(Act(step, number, f"{line['key']} journal", "", bisect_left(by_line, number)))
    return done


def _reader(place: str, reads: Mapping[str, Step]) -> Step | None:
    return next((step for pattern, step in reads.items() if re.fullmatch(pattern, place)), None)


def of_key(key: str) -> Step | None:
    """`EXECUTION:PATH:GENERATION`, and what a step adds to tell its own calls apart."""
    execution, _, rest = key.partition(":")
    path, _, rest = rest.partition(":")
    generation = rest.partition(":")[0]
    return Step(execution, path, int(generation)) if generation.isdecimal() else None


def in_flight(evidence: Evidence, copy: Path, life: int) -> frozenset[Step]:
    """The steps whose work a kill cut off: that life had begun them, and the file it left has no result of them."""
    done = settled(copy)
    return frozenset(act.step for act in acts(evidence) if act.life == life and act.step not in done)
