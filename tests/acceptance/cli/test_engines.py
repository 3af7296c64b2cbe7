"""One engine drives a file; other processes watch it, hand it work, and take over."""

import json
import signal

import pytest

from tests.acceptance.cli.support import Place

HOLD = """
    - {name: hold, type: function, config: {function: until, args: {path: "{{ input.file }}"}}}
    - {name: ask, type: approval, depends_on: [hold], config: {message: "Go on?"}}
"""


@pytest.mark.capability("O03", "O23")
def test_an_engine_carries_out_what_other_commands_start(place: Place) -> None:
    """Started detached, approved and watched from elsewhere; SIGTERM ends the engine in order."""
    engine = place.start("engine")
    engine.sees("Driving baton.db")
    place.touch("go")
    stored = place.baton("run", place.flow("held", HOLD), "-i", "file=go", "--detach", "--json")
    assert stored.code == 0
    execution = stored.json["execution"]["id"]
    engine.sees(f"baton approve {execution} ask")

    second = place.baton("engine")
    assert second.code == 10, "one engine drives a file"
    assert "is driven by another engine" in second.err
    assert place.baton("resume").code == 10

    watching = place.start("resume", execution[:8], "--until-end")
    watching.sees("It carries this out; here you watch.")
    assert place.baton("approve", execution[:8]).code == 0, "the only question needs no name"
    done = watching.ends()
    assert done.code == 0
    assert "✓ ask" in done.out

    engine.signal(signal.SIGTERM)
    assert engine.ends().code == 0


def test_a_second_terminal_takes_over_when_the_first_one_ends(place: Place) -> None:
    """The first one's engine carried both out; with its own finished it ends, and the other's must go on."""
    file = place.flow("held", HOLD.replace("ask", "look").replace("approval", "delay").split("    - {name: look")[0])
    first = place.start("run", file, "-i", "file=one")
    first.sees("▸ hold")
    second = place.start("run", file, "-i", "file=two")
    second.sees("is driven by another engine")
    second.sees("▸ hold")
    place.touch("one")
    assert first.ends().code == 0
    second.sees("going on here")
    place.touch("two")
    done = second.ends()
    assert done.code == 0
    assert "✓ completed" in done.out


@pytest.mark.capability("O02")
def test_json_lines_tell_everything_as_it_happens(place: Place) -> None:
    """Each line is JSON: records, then what is waited for, then how it was left."""
    place.touch("go")
    done = place.baton("run", place.flow("held", HOLD), "-i", "file=go", "--json", "--watch")
    assert done.code == 4
    *records, waits, last = done.lines
    kinds = [line["record"]["kind"] for line in records if "record" in line]
    assert kinds.index("step.completed") < kinds.index("step.waiting")
    assert [wait["path"] for wait in waits["waits"]] == ["ask"]
    assert last["execution"]["status"] == "waiting"
    assert json.dumps(last["waits"]) == json.dumps(waits["waits"])


@pytest.mark.capability("O23")
def test_whoever_carries_out_what_somebody_holds_is_let_go(place: Place) -> None:
    """With exit code 4, whether they drive it or watch, whether something is waited for or not."""
    steps = (
        HOLD.split("    - {name: ask")[0]
        + "    - {name: next, type: delay, depends_on: [hold], config: {seconds: 0.01}}\n"
    )
    first = place.start("run", place.flow("held", steps), "-i", "file=go", "--id", "held-1")
    first.sees("▸ hold")
    second = place.start("resume", "held-1")
    second.sees("here you watch")
    assert place.baton("pause", "held-1", "--reason", "the bank is down", "--by", "ann").code == 0
    place.touch("go")
    for watcher in (first, second):
        done = watcher.ends()
        assert done.code == 4, done
        assert "Paused by ann: the bank is down. Let it go on: baton continue held-1" in done.out
    assert "by ann: the bank is down" in place.baton("show", "held-1").out
    everything = place.baton("resume")
    assert everything.code == 4 and "paused" in everything.out, "what somebody holds keeps nobody, and stays held"
    assert place.baton("continue", "held-1").code == 0
    assert place.baton("resume", "held-1").code == 0
