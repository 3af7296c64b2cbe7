"""Processes that end before their work does: by Ctrl-C, by SIGTERM, by SIGKILL."""

import signal

import pytest

from tests.acceptance.cli.support import Place, Running

STEPS = """
    - {name: first, type: function, config: {function: note, args: {path: effects, text: first}}}
    - {name: hold, type: function, depends_on: [first], config: {function: until, args: {path: go}}}
    - {name: last, type: function, depends_on: [hold], config: {function: note, args: {path: effects, text: last}}}
"""


def started(place: Place, **environment: str) -> Running:
    running = place.start("run", place.flow("long", STEPS), "--id", "long-1", **environment)
    running.sees("▸ hold")
    return running


@pytest.mark.capability("D01", "D05")
def test_ctrl_c_parks_the_execution_and_resume_finishes_it(place: Place) -> None:
    """Exit code 130 and how to go on; what was finished is not done again."""
    running = started(place)
    running.signal(signal.SIGINT)
    stopped = running.ends()
    assert stopped.code == 130
    assert "Go on: baton resume long-1" in stopped.out
    place.touch("go")
    resumed = place.baton("resume", "long-1")
    assert resumed.code == 0
    assert place.read("effects") == ["first", "last"]


@pytest.mark.capability("D01")
def test_ctrl_c_lets_a_running_step_finish_within_the_grace_time(place: Place) -> None:
    """Its result is kept; nothing after it is begun."""
    running = started(place, BATON_GRACE="30s")
    running.signal(signal.SIGINT)
    running.sees("Stopping")
    place.touch("go")
    assert running.ends().code == 130
    [hold] = [step for step in place.baton("show", "long-1", "--json").json["steps"] if step["path"] == "hold"]
    assert hold["status"] == "completed"
    assert place.read("effects") == ["first"]


def test_a_second_ctrl_c_leaves_at_once(place: Place) -> None:
    """It does not wait for the grace time, and nothing finished is lost."""
    running = started(place, BATON_GRACE="10m")
    running.signal(signal.SIGINT)
    running.sees("Ctrl-C again leaves at once")
    running.signal(signal.SIGINT)
    left = running.ends()
    assert left.code == 130
    assert "Left at once; nothing finished is lost. Go on: baton resume long-1" in left.err


def test_sigterm_is_told_from_ctrl_c_by_the_exit_code(place: Place) -> None:
    """143, as of any process that a supervisor ends; also when it is in a hurry."""
    running = started(place)
    running.signal(signal.SIGTERM)
    parked = running.ends()
    assert (parked.code, "Go on: baton resume long-1" in parked.out) == (143, True)
    again = place.start("resume", BATON_GRACE="10m")
    again.sees("▸ hold")
    again.signal(signal.SIGTERM)
    again.sees("Ctrl-C again leaves at once")
    again.signal(signal.SIGTERM)
    left = again.ends()
    assert (left.code, "Go on: baton resume" in left.err) == (143, True)


@pytest.mark.capability("D01", "O08")
def test_what_a_killed_engine_leaves_is_not_called_running(place: Place) -> None:
    """Nobody drives it: since when, and how to go on. Its time does not grow."""
    running = started(place)
    [at_work] = place.baton("list").out.splitlines()[1:]
    assert "▸ running" in at_work and "resume" not in at_work
    running.signal(signal.SIGKILL)
    running.ends()
    place.flow("later", "    - {name: nap, type: delay, config: {duration: 1ms}}\n")
    assert place.baton("run", "later.yaml", "--id", "later-1", "--detach").code == 0
    queued, left = (line.rstrip() for line in place.baton("list").out.splitlines()[1:])
    assert "! interrupted" in left and "no engine drives it; last heard of at " in left
    assert left.endswith("Go on: baton resume long-1")
    assert "queued" in queued and queued.endswith("Go on: baton resume later-1")
    shown = [place.baton("show", "long-1", "--database", "baton.db").out for _ in range(2)]
    assert shown[0] == shown[1]
    assert "! interrupted" in shown[0] and "running" not in shown[0]
    assert "Go on: baton resume long-1 --database baton.db" in shown[0]
    document = place.baton("show", "long-1", "--json").json["execution"]
    assert (document["status"], bool(document["undriven_since"])) == ("running", True)
    place.touch("go")
    assert place.baton("resume", "long-1").code == 0
    [_, done] = place.baton("list", "--json").json["executions"]
    assert (done["status"], done["undriven_since"]) == ("completed", None)


@pytest.mark.capability("D01", "D02")
def test_a_killed_process_loses_nothing_that_was_finished(place: Place) -> None:
    """SIGKILL in the middle of a step; `resume` without an id goes on with everything unfinished."""
    running = started(place)
    running.signal(signal.SIGKILL)
    assert running.ends().code == -signal.SIGKILL
    retried = place.baton("retry", "long-1", "--from", "hold")
    assert (retried.code, "baton resume long-1" in retried.err) == (9, True)
    place.touch("go")
    resumed = place.baton("resume", "--json")
    assert resumed.code == 0
    assert [execution["status"] for execution in resumed.json["executions"]] == ["completed"]
    assert place.read("effects") == ["first", "last"]
