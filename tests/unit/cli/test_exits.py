"""Exit codes: numbers that scripts depend on, and commands that end with each."""

from pathlib import Path

import pytest

from graphs.clock import SystemClock
from graphs.errors import (
    CommitError,
    ConflictError,
    DefinitionError,
    EngineBusyError,
    InputError,
    NotFoundError,
    SettingsError,
)
from graphs.state import ExecutionStatus
from orchestrator.cli.exits import MEANINGS, Exit, exit_of_error, exit_of_status, worst
from orchestrator.store.locking import engine_lock
from tests.unit.cli.support import Cli

FAIL = "    - {name: pay, type: function, config: {function: fail, args: {text: card refused}}}\n"
ASK = "    - {name: ask, type: approval, config: {message: Go on?}}\n"
NAP = "    - {name: nap, type: delay, config: {duration: 1h}}\n"
UNDO = """
    - name: charge
      type: function
      config: {function: note, args: {path: effects, text: charged}}
      compensate:
        {name: refund, type: function, config: {function: note, args: {path: effects, text: refunded}}}
    - {name: ship, type: function, depends_on: [charge], config: {function: fail}}
"""


def test_the_numbers_never_change() -> None:
    """They are in people's scripts."""
    assert {code.name: int(code) for code in Exit} == {
        "COMPLETED": 0,
        "PROBLEM": 1,
        "USAGE": 2,
        "FAILED": 3,
        "WAITS": 4,
        "CANCELLED": 5,
        "TIMED_OUT": 6,
        "COMPENSATED": 7,
        "NOT_FOUND": 8,
        "CONFLICT": 9,
        "BUSY": 10,
        "INTERRUPTED": 130,
        "UNREAD": 141,
        "TERMINATED": 143,
    }
    assert set(MEANINGS) == set(Exit)


@pytest.mark.capability("ST1", "ST4", "X29")
def test_every_status_has_a_code() -> None:
    """A final one never says 'waits', and only a completed one says 0."""
    codes = {status: exit_of_status(status) for status in ExecutionStatus}
    assert [status for status, code in codes.items() if code == Exit.COMPLETED] == [ExecutionStatus.COMPLETED]
    assert not [status for status, code in codes.items() if status.final and code == Exit.WAITS]


def test_errors_have_codes_by_their_class() -> None:
    """The nearest class counts: a busy engine is a conflict of its own kind."""
    assert exit_of_error(EngineBusyError("")) == Exit.BUSY
    assert exit_of_error(ConflictError("")) == Exit.CONFLICT
    assert exit_of_error(NotFoundError("")) == Exit.NOT_FOUND
    for error in (InputError(""), SettingsError(""), DefinitionError([]), CommitError(""), ValueError()):
        assert exit_of_error(error) == Exit.PROBLEM


def test_of_several_executions_the_worst_counts() -> None:
    assert worst([]) == Exit.COMPLETED
    assert worst([Exit.COMPLETED, Exit.WAITS]) == Exit.WAITS
    assert worst([Exit.WAITS, Exit.CANCELLED, Exit.FAILED]) == Exit.FAILED


@pytest.mark.capability("O24", "ST5")
def test_completed_is_0(cli: Cli) -> None:
    done = cli("run", cli.flow("nap", "    - {name: nap, type: delay, config: {duration: 1ms}}\n"))
    assert done.code == Exit.COMPLETED


@pytest.mark.capability("C12", "D10", "E26")
def test_a_problem_is_1(cli: Cli) -> None:
    """With the definition, with the input, with a setting."""
    broken = cli("run", cli.flow("broken", ASK.replace("approval", "aproval")))
    assert (broken.code, "broken.yaml:" in broken.err, "Did you mean 'approval'?" in broken.err) == (1, True, True)
    schema = "  input: {schema: {type: object, properties: {amount: {type: integer}}}}\n"
    wrong = cli("run", cli.flow("typed", ASK, schema), "-i", "amount=12")
    assert (wrong.code, wrong.err.splitlines()[0]) == (1, "error: input.amount: '12' is not a whole number.")
    assert "name:=value" in wrong.err, "the likely slip is named"
    assert cli("list", "--module", "nowhere.py", "--service", "broken").code == 1


def test_usage_is_2(cli: Cli) -> None:
    for words in (("nope",), ("run",), ("list", "--status", "nope"), ("draw",), ("draw", "a", "--graph")):
        assert cli(*words).code == Exit.USAGE, words


@pytest.mark.capability("ST5", "Q06")
def test_failed_is_3_and_says_how_to_go_on(cli: Cli) -> None:
    done = cli("run", cli.flow("pay", FAIL), "--id", "order-1")
    assert done.code == Exit.FAILED
    assert "step 'pay': ValueError: card refused" in done.out
    assert "baton retry order-1" in done.out


@pytest.mark.capability("I08")
def test_waiting_is_4(cli: Cli) -> None:
    assert cli("run", cli.flow("ask", ASK)).code == Exit.WAITS
    assert cli("run", cli.flow("nap", NAP), "--until-rest").code == Exit.WAITS


@pytest.mark.capability("ST1", "O23")
def test_cancelled_is_5(cli: Cli) -> None:
    """Nobody drives when it is asked for: the next engine ends it, and tells why."""
    cli("run", cli.flow("ask", ASK), "--id", "order-1")
    asked = cli("cancel", "order-1", "--reason", "twice", "--by", "Ada")
    assert asked.code == 0
    done = cli("resume", "order-1")
    assert (done.code, "cancelled by Ada: twice" in done.out) == (Exit.CANCELLED, True)


@pytest.mark.capability("E08", "ST4", "Q07")
def test_timed_out_is_6(cli: Cli) -> None:
    hold = "    - {name: hold, type: function, config: {function: until, args: {path: never}}}\n"
    done = cli("run", cli.flow("hold", hold, "  config: {timeout: 100ms, compensate_on_timeout: false}\n"))
    assert done.code == Exit.TIMED_OUT


@pytest.mark.capability("E10", "E11", "X04")
def test_compensated_is_7(cli: Cli) -> None:
    """And the story shows what was undone."""
    done = cli("run", cli.flow("undo", UNDO), "--id", "order-1")
    assert done.code == Exit.COMPENSATED
    assert cli.read("effects") == ["charged", "refunded"]
    story = cli("show", "order-1").out
    assert "↺ compensated" in story
    assert "compensation" in story
    assert "✓ refund" in story


def test_not_found_is_8(cli: Cli) -> None:
    """A misspelt database is not made: it would look like an empty history."""
    assert cli("list").code == Exit.NOT_FOUND
    assert not (cli.folder / "baton.db").exists()
    cli("run", cli.flow("ask", ASK), "--id", "order-1")
    for words in (
        ("show", "nope"),
        ("run", "nope"),
        ("run", "nope.yaml"),
        ("approve", "order-1", "nope"),
        ("retry", "order-1", "--from", "nope"),
        ("validate", "nope.yaml"),
        ("draw", "nope"),
        ("workflows", "deprecate", "nope", "1"),
        ("run", "ask.yaml", "--input", "@nope.json"),
    ):
        assert cli(*words).code == Exit.NOT_FOUND, words


def test_conflict_is_9(cli: Cli) -> None:
    cli("run", cli.flow("ask", ASK), "--id", "order-1")
    assert cli("run", "ask.yaml", "--id", "order-1").code == Exit.CONFLICT
    assert cli("approve", "order-1", "ask").code == 0
    late = cli("approve", "order-1", "ask")
    assert (late.code, "approved by" in late.err) == (Exit.CONFLICT, True)
    assert cli("resume", "order-1").code == 0
    for words in (("resume", "order-1"), ("cancel", "order-1"), ("retry", "order-1"), ("backup", "ask.yaml")):
        assert cli(*words).code == Exit.CONFLICT, words


def test_busy_is_10(cli: Cli, tmp_path: Path) -> None:
    """Only for commands that can do nothing but drive; looking and answering go on."""
    cli("run", cli.flow("ask", ASK), "--id", "order-1")
    with engine_lock(tmp_path / "baton.db", SystemClock()):
        assert cli("engine").code == Exit.BUSY
        assert cli("resume").code == Exit.BUSY
        assert cli("list").code == 0
        assert cli("approve", "order-1").code == 0


def test_interrupted_is_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also before the event loop hears of it, without a traceback."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestrator.cli.options.load", lambda place: interrupted)
    assert cli("list").code == Exit.INTERRUPTED
