"""`baton inbox` and `baton audit`: the same inbox, and the same trail, as over HTTP."""

import sqlite3

import pytest

from tests.unit.cli.support import Cli

ONE = "    - {name: ask, type: approval, config: {message: 'Well?', assignees: [ann], groups: [finance]}}\n"
TWO = "    - {name: agree, type: approval, config: {message: 'Agreed?', quorum: 2}}\n"


@pytest.fixture
def asked(cli: Cli) -> Cli:
    """Two executions that ask."""
    for name, steps in (("one", ONE), ("two", TWO)):
        cli("run", cli.flow(name, steps), "--id", name, "--until-rest")
    return cli


@pytest.mark.capability("I08")
def test_the_inbox_shows_what_somebody_may_decide(asked: Cli) -> None:
    def listed(*words: str) -> list[str]:
        return [wait["execution_id"] for wait in asked("inbox", "--json", *words).json["waits"]]

    assert listed() == ["one", "two"]
    assert listed("--for", "ann") == ["one", "two"]
    assert listed("--for", "ben") == ["two"]  # nobody is named there: it is everybody's
    assert listed("--group", "finance") == ["one", "two"]
    assert listed("--workflow", "one") == listed("--workflow", "one@1.0") == ["one"]
    assert listed("--workflow", "one@2.0") == []


def test_a_decision_is_one_of_those_that_are_needed(asked: Cli) -> None:
    asked("approve", "two", "--by", "ann")
    shown = asked("inbox", "--workflow", "two").out
    assert "1 of 2 approved: ann" in shown
    again = asked("approve", "two", "--by", "ann")
    assert (again.code, "'ann' has approved 'agree' already" in again.err) == (9, True)
    asked("approve", "two", "--by", "ben")
    assert asked("inbox", "--workflow", "two").out == "Nothing is waited for.\n"


@pytest.mark.capability("O08")
def test_the_audit_trail_tells_who_decided_and_notices_who_touched_it(asked: Cli) -> None:
    asked("approve", "one", "--by", "ann")
    assert "approval.decided" in asked("audit").out
    [entry] = asked("audit", "--json", "--actor", "ann").json["entries"]
    assert (entry["action"], entry["target"]) == ("approval.decided", "one ask")
    holds = asked("audit", "verify")
    assert (holds.code, holds.out.startswith("The audit trail holds: 1 rows")) == (0, True)
    db = sqlite3.connect(asked.folder / "baton.db")
    db.execute("DROP TRIGGER audit_never_changes")
    db.execute("UPDATE audit SET actor = 'ben'")
    db.commit()
    db.close()
    broken = asked("audit", "verify")
    assert (broken.code, broken.out) == (1, "The audit trail does not hold: row 1 was changed.\n")
