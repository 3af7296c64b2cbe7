"""The independent checker: was anything lost, or done twice?

It knows nothing of the engine's code. It reads the engine's SQLite file with plain `sqlite3`, the services' own log of
requests and ledger of effects over HTTP, and the file that in-process steps wrote into; and holds them against what
was known outside at every kill: a copy of the engine's file, and what had been acknowledged before.

    act         something a step did outside the engine: a request that arrived, a line in the journal
    settled     a step has a result in the engine's file
    in flight   at a kill: the killed process had begun an act of the step, and the step had not settled
"""

import json
import re
import sqlite3
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Findings:
    """What the checker found. `wrong` is empty when everything held."""

    wrong: list[str] = field(default_factory=list)
    executions: int = 0
    steps: int = 0
    acts: int = 0
    repeats: int = 0
    effects: int = 0
    lost: int = 0
    doubled: int = 0

    def lose(self, what: str) -> None:
        self.lost += 1
        self.wrong.append(f"lost: {what}")

    def double(self, what: str) -> None:
        self.doubled += 1
        self.wrong.append(f"twice: {what}")

    def deny(self, what: str) -> None:
        self.wrong.append(what)


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


def acts(evidence: Evidence, found: Findings | None = None) -> list[Act]:
    """Everything that was done outside, and by which life of the engine."""
    by_request = [kill.requests for kill in evidence.kills]
    by_line = [kill.lines for kill in evidence.kills]
    done = []
    for row in evidence.requests:
        place = f"{row['method']} {row['service']} {row['path']}" + (f"?{row['query']}" if row["query"] else "")
        key = row["idempotency_key"]
        step = _of_key(key) if key else _reader(place, evidence.reads)
        if step is None or step.execution not in evidence.expected:
            if found is not None:
                found.deny(f"a request that nobody can have made: {place} with key {key}")
            continue
        life = bisect_left(by_request, row["id"])
        done.append(Act(step, row["id"], f"{key} {place}", row["body_digest"], life))
    for number, line in enumerate(lines_of(evidence.journal), 1):
        step = _of_key(line["key"])
        if line["what"] == "begin" and step is not None:
            done.append(Act(step, number, f"{line['key']} journal", "", bisect_left(by_line, number)))
    return done


def _reader(place: str, reads: Mapping[str, Step]) -> Step | None:
    return next((step for pattern, step in reads.items() if re.fullmatch(pattern, place)), None)


def _of_key(key: str) -> Step | None:
    """`EXECUTION:PATH:GENERATION`, and what a step adds to tell its own calls apart."""
    execution, _, rest = key.partition(":")
    path, _, rest = rest.partition(":")
    generation = rest.partition(":")[0]
    return Step(execution, path, int(generation)) if generation.isdecimal() else None


def in_flight(evidence: Evidence, copy: Path, life: int) -> frozenset[Step]:
    """The steps whose work a kill cut off: that life had begun them, and the file it left has no result of them."""
    done = settled(copy)
    return frozenset(act.step for act in acts(evidence) if act.life == life and act.step not in done)


# -- holding it together -------------------------------------------------------------------------------------------


def check(evidence: Evidence, undisturbed: Evidence | None = None) -> Findings:
    """Hold everything against everything; with an undisturbed run of the same executions, against that too."""
    found = Findings()
    for file in (evidence.database, *(kill.copy for kill in evidence.kills)):
        if (verdict := integrity(file)) != "ok":
            found.deny(f"{file} is damaged: {verdict}")
    if found.wrong:
        return found
    _check_ends(evidence, found)
    _check_results(evidence, found)
    done = acts(evidence, found)
    found.acts = len(done)
    left = [settled(kill.copy) for kill in evidence.kills]
    _check_acts(done, left, evidence.kills, found)
    _check_effects(evidence, found)
    for number, kill in enumerate(evidence.kills):
        _check_left_behind(number, kill, evidence, found)
    if undisturbed is not None:
        _check_same(evidence, undisturbed, found)
    return found


def _check_ends(evidence: Evidence, found: Findings) -> None:
    statuses = dict(rows(evidence.database, "SELECT id, status FROM executions"))
    found.executions = len(statuses)
    for execution, status in evidence.expected.items():
        if execution not in statuses:
            found.lose(f"execution {execution}")
        elif statuses[execution] not in FINAL:
            found.lose(f"the end of execution {execution}, which is {statuses[execution]}")
        elif statuses[execution] != status:
            found.deny(f"execution {execution} ended {statuses[execution]}, not {status}")
    for execution in statuses.keys() - evidence.expected.keys():
        found.deny(f"an execution that nobody started: {execution}")
    ends = Counter(
        execution
        for execution, kind in rows(evidence.database, "SELECT execution_id, kind FROM records WHERE path IS NULL")
        if kind.removeprefix("execution.") in FINAL
    )
    for execution in evidence.expected:
        if ends[execution] != 1:
            found.deny(f"execution {execution} has {ends[execution]} records of its end")
    for execution, path in rows(evidence.database, "SELECT execution_id, path FROM waits WHERE status = 'open'"):
        found.deny(f"a wait is open though its execution has ended: {execution}:{path}")


def _check_results(evidence: Evidence, found: Findings) -> None:
    results = settled(evidence.database)
    found.steps = len(results)
    for step, several in results.items():
        if len(several) != 1:
            found.double(f"{len(several)} results of {step}")
        if step.generation != 0:
            found.deny(f"nobody asked for another generation: {step}")
    answered = rows(
        evidence.database, "SELECT execution_id, path, generation, answer FROM waits WHERE status = 'answered'"
    )
    for execution, path, generation, answer in answered:
        by = json.loads(answer)["by"]
        (result, *_) = results.get(Step(execution, path, generation), [{}])
        if by is not None and result.get("decided_by") != by:
            found.lose(f"the answer of {by} to {execution}:{path}; the result says {result.get('decided_by')}")


def _check_acts(
    done: Sequence[Act], left: Sequence[Mapping[Step, Any]], kills: Sequence[Kill], found: Findings
) -> None:
    """Repeats: of what was in flight only, one for each kill at most, and never of what had settled."""
    by_what: dict[str, list[Act]] = defaultdict(list)
    for act in done:
        by_what[act.what].append(act)
    for what, same in by_what.items():
        found.repeats += len(same) - 1
        lives = Counter(act.life for act in same)
        for life, times in lives.items():
            if times > 1:
                found.double(f"{what}: {times} times within life {life}")
            if life > 0 and same[0].step in left[life - 1]:
                found.double(f"{what}: done in life {life}, though its result was kept before")
        allowed = sum(same[0].step in kill.in_flight and life in lives for life, kill in enumerate(kills))
        if len(same) - 1 > allowed:
            found.double(f"{what}: {len(same)} times, and in flight at {allowed} kills")
        if len({act.digest for act in same}) > 1:
            found.deny(f"{what}: repeated with another body")


def _check_effects(evidence: Evidence, found: Findings) -> None:
    effects = Counter((row["idempotency_key"], row["service"], row["action"]) for row in evidence.effects)
    found.effects = len(evidence.effects)
    for (key, service, action), times in effects.items():
        if key is None or _of_key(key) is None:
            found.deny(f"an effect that no step can have asked for: {service} {action}, key {key}")
        if times > 1:
            found.double(f"{service} {action} for {key}: {times} effects")


def _check_left_behind(number: int, kill: Kill, evidence: Evidence, found: Findings) -> None:
    """What a killed process left: a sound file, a beginning of what came to be, and all that was acknowledged."""
    for missing in lost_acknowledgements(kill.copy, kill.acknowledged):
        found.lose(f"kill {number}: {missing}")
    records = "SELECT seq, execution_id, kind, path, generation, at, data FROM records ORDER BY seq"
    answers = "SELECT execution_id, path, generation, answer FROM waits WHERE status = 'answered'"
    for what, sql in (("record", records), ("answer", answers)):
        later = set(rows(evidence.database, sql))
        for row in rows(kill.copy, sql):
            if row not in later:
                found.lose(f"kill {number}: the {what} {row[:5]}, which was kept, is gone or has changed")


def lost_acknowledgements(copy: Path, acknowledged: Iterable[Json]) -> list[str]:
    """Starts, decisions, events and records that were acknowledged, and that this copy of the file lacks."""
    started = {row[0] for row in rows(copy, "SELECT id FROM executions")}
    sql = "SELECT execution_id, path, answer FROM waits WHERE status = 'answered'"
    decided = {(execution, path): json.loads(answer)["by"] for execution, path, answer in rows(copy, sql)}
    published = {row[0] for row in rows(copy, "SELECT key FROM events")}
    recorded = {(seq, kind) for seq, kind in rows(copy, "SELECT seq, kind FROM records")}
    lost = []
    for fact in acknowledged:
        match fact["said"]:
            case "started":
                kept = fact["execution"] in started
            case "decided":
                kept = decided.get((fact["execution"], fact["path"])) == fact["by"]
            case "published":
                kept = fact["key"] in published
            case "recorded":
                kept = (fact["seq"], fact["kind"]) in recorded
            case _:
                kept = True
        if not kept:
            lost.append(f"acknowledged and not in the file: {fact}")
    return lost


def _check_same(evidence: Evidence, undisturbed: Evidence, found: Findings) -> None:
    """Whatever the kills, the executions came to the same as without them."""
    sql = "SELECT id, output, error FROM executions"
    ours = {row[0]: plain([json.loads(each) for each in row[1:]]) for row in rows(evidence.database, sql)}
    theirs = {row[0]: plain([json.loads(each) for each in row[1:]]) for row in rows(undisturbed.database, sql)}
    for execution in evidence.expected:
        if ours.get(execution) != theirs[execution]:
            found.deny(f"execution {execution} came to {ours.get(execution)}; undisturbed, to {theirs[execution]}")
    results = settled(evidence.database)
    wanted = {step: each for step, each in settled(undisturbed.database).items() if step.execution in evidence.expected}
    for step in wanted.keys() - results.keys():
        found.lose(f"the result of {step}")
    for step in results.keys() - wanted.keys():
        found.deny(f"a step that an undisturbed run does not have: {step}")
    for step in wanted.keys() & results.keys():
        if _outcome(results[step][-1]) != _outcome(wanted[step][-1]):
            found.deny(f"{step} gave {_outcome(results[step][-1])}; undisturbed, {_outcome(wanted[step][-1])}")
    these = evidence.expected
    _compare("effect", _effects(evidence, these), _effects(undisturbed, these), found)
    _compare("act", _whats(evidence, these), _whats(undisturbed, these), found)


def _compare(word: str, ours: set[Any], theirs: set[Any], found: Findings) -> None:
    for missing in sorted(map(str, theirs - ours)):
        found.lose(f"{word} {missing}")
    for more in sorted(map(str, ours - theirs)):
        found.deny(f"{word} that an undisturbed run does not have: {more}")


def _effects(evidence: Evidence, executions: Iterable[str]) -> set[Any]:
    return {
        (row["idempotency_key"], row["service"], row["action"])
        for row in evidence.effects
        if str(row["idempotency_key"]).partition(":")[0] in executions
    }


def _whats(evidence: Evidence, executions: Iterable[str]) -> set[Any]:
    return {plain(act.what) for act in acts(evidence) if act.step.execution in executions}


def _outcome(result: Json) -> Any:
    """A result as it must be the same every time."""
    if result["status"] == "skipped" and result.get("reason") in ("halted", "upstream"):
        # Both are true of a step that needs one that failed; which is noticed first may differ after a restart.
        return "skipped, because another failed"
    return plain({name: value for name, value in result.items() if name != "queued"})  # how crowded it was


_VARYING = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"  # times
    r"|\b[a-z]{3}_[0-9a-f]{16}\b"  # ids that services give
    r"|\bTRK[0-9A-F]{12}\b"
    r"|http://127\.0\.0\.1:\d+"
    r"|\breviewer-\w+\b"  # who was there after a kill
    r"|\blc_run--[0-9a-f-]{36}\b"  # LangChain's own ids of model calls
)


def plain(value: Any) -> Any:
    """A value without what differs from run to run: ids, times, addresses, who answered."""
    if isinstance(value, str):
        return _VARYING.sub("*", value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
