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
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx

Json = dict[str, Any]

PREPARED = "prepared"
"""At the beginning of idempotency keys: asked for before the executions began, by the tests themselves."""
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
        reads: Requests that carry no key because they change nothing (patterns), and whose they are; of several, the
            first that has no result yet when a life begins, then the next.
        steered: Executions in which somebody went back: they end more than once, and steps of them are made anew.
    """

    database: Path
    journal: Path
    requests: Sequence[Json]
    effects: Sequence[Json]
    expected: Mapping[str, str]
    reads: Mapping[str, Sequence[Step]]
    kills: Sequence[Kill] = ()
    steered: frozenset[str] = frozenset()


# -- reading -------------------------------------------------------------------------------------------------------


def asked_of(url: str) -> tuple[list[Json], list[Json]]:
    """The services' log of requests, and their ledger of effects."""
    with httpx.Client(base_url=url, timeout=30, verify=False, trust_env=False) as client:
        requests = client.get("/_control/requests").raise_for_status().json()["requests"]
        effects = client.get("/_control/effects").raise_for_status().json()["effects"]
    return _not_prepared(requests), _not_prepared(effects)


def _not_prepared(asked: Sequence[Json]) -> list[Json]:
    """Without what was there before the executions began."""
    return [row for row in asked if not str(row["idempotency_key"]).startswith(PREPARED)]


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


_RESULTS = ", ".join(f"'step.{status}'" for status in SETTLED)


def settled(database: Path, *, still: bool = False) -> dict[Step, list[Json]]:
    """Every step that has a result, with its results (one, if all is well).

    Args:
        still: Without results over which somebody went back.
    """
    found: dict[Step, list[Json]] = defaultdict(list)
    counts = "AND NOT superseded" if still else ""
    sql = f"SELECT execution_id, path, generation, data FROM records WHERE kind IN ({_RESULTS}) {counts} ORDER BY seq"
    for execution, path, generation, data in rows(database, sql):
        found[Step(execution, path, generation)].append(json.loads(data))
    return found


def acts(evidence: Evidence, deny: Callable[[str], None] = lambda _: None) -> list[Act]:
    """Everything that was done outside, and by which life of the engine; `deny` hears of what no step can have done."""
    by_request = [kill.requests for kill in evidence.kills]
    by_line = [kill.lines for kill in evidence.kills]
    readers = _Readers(evidence)
    done = []
    for row in evidence.requests:
        place = f"{row['method']} {row['service']} {row['path']}" + (f"?{row['query']}" if row["query"] else "")
        key = row["idempotency_key"]
        life = bisect_left(by_request, row["id"])
        step = of_key(key) if key else readers.of(place, life)
        if step is None or step.execution not in evidence.expected:
            deny(f"a request that nobody can have made: {place} with key {key}")
            continue
        what = f"{key} {place}" if key else f"{step} {place}"  # several steps may read one page
        done.append(Act(step, row["id"], what, row["body_digest"], life))
    for number, line in enumerate(lines_of(evidence.journal), 1):
        step = of_key(line["key"])
        if line["what"] == "begin" and step is not None:
            done.append(Act(step, number, f"{line['key']} journal", "", bisect_left(by_line, number)))
    return done


class _Readers:
    """Whose a request without a key is."""

    def __init__(self, evidence: Evidence) -> None:
        self._reads = evidence.reads
        self._kills = evidence.kills
        self._left: dict[tuple[str, int], list[Step]] = {}

    def of(self, place: str, life: int) -> Step | None:
        pattern = next((pattern for pattern in self._reads if re.fullmatch(pattern, place)), None)
        if pattern is None:
            return None
        steps = self._reads[pattern]
        if len(steps) == 1:
            return steps[0]
        if (pattern, life) not in self._left:
            done = settled(self._kills[life - 1].copy) if life > 0 else {}
            self._left[pattern, life] = [step for step in steps if step not in done] or [steps[-1]]
        left = self._left[pattern, life]
        return left.pop(0) if len(left) > 1 else left[0]


def of_key(key: str) -> Step | None:
    """`EXECUTION:PATH:GENERATION`, and what a step adds to tell its own calls apart."""
    execution, _, rest = key.partition(":")
    path, _, rest = rest.partition(":")
    generation = rest.partition(":")[0]
    return Step(execution, path, int(generation)) if generation.isdecimal() else None


def in_flight(evidence: Evidence, copy: Path, life: int) -> frozenset[Step]:
    """The steps whose work a kill cut off: that life had begun them, and the file it left has no result of them.

    Where attempts are kept as well, or a step was made anew, it has begun more often than it has come to something.
    """
    began = Counter(act.step for act in acts(evidence) if act.life == life)
    done, outcomes = settled(copy), _outcomes(copy)
    before = _outcomes(evidence.kills[life - 1].copy) if life > 0 else Counter[Step]()
    cut = set()
    for step, times in began.items():
        several = outcomes[step] > len(done.get(step, ())) or len(done.get(step, ())) > 1
        if several or (step in done and not settled(copy, still=True).get(step)):
            cut |= {step} if times > outcomes[step] - before[step] else set()
        elif step not in done:
            cut.add(step)
    return frozenset(cut)


def _outcomes(database: Path) -> Counter[Step]:
    """How often each step has come to something: a result, or another attempt."""
    sql = f"SELECT execution_id, path, generation FROM records WHERE kind IN ({_RESULTS}, 'step.retrying')"
    return Counter(Step(*row) for row in rows(database, sql))
