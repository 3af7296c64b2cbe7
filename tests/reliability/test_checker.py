"""The checker sees what it is there to see: each kind of loss and of repetition, made up one by one."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.reliability import checker, traces
from tests.reliability.findings import Findings
from tests.reliability.traces import Evidence, Kill, Step

TABLES = """
CREATE TABLE executions (id, status, output, error);
CREATE TABLE records (seq INTEGER PRIMARY KEY, execution_id, kind, path, generation, at, data, superseded DEFAULT 0);
CREATE TABLE waits (execution_id, path, generation, kind, status, answer);
CREATE TABLE events (id);
CREATE TABLE dead_letters (execution_id, path, kind, status);
"""
RESULT = '{"status": "completed", "output": 1, "attempts": 1}'
DECIDED = '{"status": "completed", "decided_by": "reviewer-a"}'


def change(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def made(database: Path, steps: str) -> Path:
    """A file in which these steps (`a b c`) have results, and the execution has ended when there are all three."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.executescript(TABLES)
        status = "completed" if steps == "a b c" else "running"
        db.execute("INSERT INTO executions VALUES ('e', ?, '1', 'null')", (status,))
        for path in steps.split():
            data = DECIDED if path == "b" else RESULT
            db.execute("INSERT INTO records VALUES (NULL, 'e', 'step.completed', ?, 0, 't', ?, 0)", (path, data))
        if "b" in steps:
            db.execute("""INSERT INTO waits VALUES ('e', 'b', 0, 'approval', 'answered', '{"by": "reviewer-a"}')""")
        if status == "completed":
            db.execute("INSERT INTO records VALUES (NULL, 'e', 'execution.completed', NULL, 0, 't', '{}', 0)")
    return database


def request(number: int, path: str, key: str | None = "", **more: Any) -> dict[str, Any]:
    row = {"id": number, "method": "POST", "service": "s", "path": f"/{path}", "query": "", "body_digest": "d"}
    return row | {"idempotency_key": f"e:{path}:0" if key == "" else key} | more


def effect(path: str) -> dict[str, Any]:
    return {"idempotency_key": f"e:{path}:0", "service": "s", "action": "done"}


@pytest.fixture
def story(tmp_path: Path) -> Evidence:
    """Killed once, while `c` was being done; `a` and `b` had settled. `c` was asked for again."""
    kill = Kill(
        requests=2,
        lines=0,
        copy=made(tmp_path / "copy.db", "a b"),
        acknowledged=[
            {"said": "started", "execution": "e"},
            {"said": "decided", "execution": "e", "path": "b", "by": "reviewer-a"},
            {"said": "recorded", "seq": 1, "kind": "step.completed"},
            {"said": "driving"},
        ],
    )
    evidence = Evidence(
        database=made(tmp_path / "final.db", "a b c"),
        journal=tmp_path / "journal",
        requests=[request(1, "a"), request(2, "c"), request(3, "c")],
        effects=[effect("a"), effect("c")],
        expected={"e": "completed"},
        reads={"GET s /page": Step("e", "a", 0)},
        kills=[kill],
    )
    return replace(evidence, kills=[replace(kill, in_flight=traces.in_flight(evidence, kill.copy, 0))])


def found(story: Evidence, undisturbed: Evidence | None = None) -> Findings:
    return checker.check(story, undisturbed)


def test_an_honest_story_is_believed(story: Evidence) -> None:
    assert story.kills[0].in_flight == {Step("e", "c", 0)}
    findings = found(story, story)
    assert findings.wrong == []
    assert (findings.acts, findings.repeats, findings.effects, findings.lost, findings.doubled) == (3, 1, 2, 0, 0)


def with_requests(*more: dict[str, Any]) -> Callable[[Evidence], Evidence]:
    return lambda story: replace(story, requests=[*story.requests, *more])


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (with_requests(request(4, "a")), "done in life 1, though its result was kept before"),
        (with_requests(request(4, "c")), "2 times within life 1"),
        (with_requests(request(4, "d"), request(5, "d")), "2 times, and in flight at 0 kills"),
        (with_requests(request(4, "c", body_digest="other")), "repeated with another body"),
        (with_requests(request(4, "x", key=None)), "nobody can have made"),
        (with_requests(request(4, "x", key="f:x:0")), "nobody can have made"),
        (with_requests(request(4, "c", key="e:c:1")), "act that an undisturbed run does not have"),
        (lambda story: replace(story, requests=story.requests[1:]), "lost: act e:a:0"),
        (lambda story: replace(story, effects=[*story.effects, effect("c")]), "2 effects"),
        (lambda story: replace(story, effects=story.effects[1:]), "lost: effect"),
    ],
)
def test_a_lie_about_what_was_done_is_seen(story: Evidence, lie: Callable[[Evidence], Evidence], message: str) -> None:
    assert any(message in wrong for wrong in found(lie(story), story).wrong)


@pytest.mark.parametrize(
    ("change_made", "message"),
    [
        ("DELETE FROM executions", "lost: execution e"),
        ("UPDATE executions SET status = 'waiting'", "lost: the end of execution e"),
        ("UPDATE executions SET status = 'failed'", "ended failed, not completed"),
        ("UPDATE executions SET output = '2'", "undisturbed, to"),
        ("INSERT INTO executions VALUES ('f', 'completed', '1', 'null')", "nobody started"),
        ("DELETE FROM records WHERE path IS NULL", "0 records of its end"),
        ("DELETE FROM records WHERE path = 'a'", "is gone or has changed"),
        ("DELETE FROM records WHERE path = 'c'", "lost: the result of e:c:0"),
        ("UPDATE records SET data = '{\"status\": \"failed\"}' WHERE path = 'a'", "is gone or has changed"),
        (f"INSERT INTO records VALUES (9, 'e', 'step.completed', 'c', 0, 't', '{RESULT}', 0)", "2 results of e:c:0"),
        (f"INSERT INTO records VALUES (9, 'e', 'step.completed', 'c', 1, 't', '{RESULT}', 0)", "another generation"),
        (f"INSERT INTO records VALUES (9, 'e', 'step.completed', 'z', 0, 't', '{RESULT}', 0)", "does not have: e:z:0"),
        ("INSERT INTO waits VALUES ('e', 'z', 0, 'approval', 'open', 'null')", "a wait is open"),
        ('UPDATE waits SET answer = \'{"by": "reviewer-b"}\'', "lost: the answer of reviewer-b"),
    ],
)
def test_a_change_in_the_file_is_seen(story: Evidence, tmp_path: Path, change_made: str, message: str) -> None:
    undisturbed = replace(story, database=made(tmp_path / "undisturbed.db", "a b c"))
    change(story.database, change_made)
    assert any(message in wrong for wrong in found(story, undisturbed).wrong)


@pytest.mark.parametrize(
    "change_made",
    [
        "DELETE FROM executions",
        "UPDATE waits SET status = 'open'",
        'UPDATE waits SET answer = \'{"by": "reviewer-b"}\'',
        "DELETE FROM records WHERE seq = 1",
    ],
)
def test_what_was_acknowledged_and_not_kept_is_seen(story: Evidence, change_made: str) -> None:
    change(story.kills[0].copy, change_made)
    assert any("acknowledged and not in the file" in wrong for wrong in found(story).wrong)


def test_a_kill_with_nothing_in_flight_does_not_count(story: Evidence, tmp_path: Path) -> None:
    quiet = replace(story.kills[0], copy=made(tmp_path / "quiet.db", "a b c"))
    assert not replace(quiet, in_flight=traces.in_flight(story, quiet.copy, 0)).counts
    assert story.kills[0].counts


@pytest.mark.parametrize(
    "statements",
    [
        (
            "CREATE TABLE t (a)",
            "INSERT INTO t VALUES (NULL)",
            "UPDATE sqlite_master SET sql = 'CREATE TABLE t (a NOT NULL)' WHERE name = 't'",
        ),
        ("UPDATE sqlite_master SET sql = 'CREATE TABLE' WHERE name = 'events'",),
    ],
)
@pytest.mark.parametrize("which", ["file", "copy"])
def test_a_damaged_file_is_seen(story: Evidence, which: str, statements: tuple[str, ...]) -> None:
    damaged = story.database if which == "file" else story.kills[0].copy
    change(damaged, "PRAGMA writable_schema = ON", *statements)
    (wrong,) = found(story).wrong
    assert wrong.startswith(f"{damaged} is damaged: ")
