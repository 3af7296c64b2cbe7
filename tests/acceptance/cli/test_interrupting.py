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
    assert running.ends().code == 130


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
