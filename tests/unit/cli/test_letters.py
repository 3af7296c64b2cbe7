"""What failed for good tells a person what may be done about it."""

import pytest

from graphs.clock import SystemClock
from orchestrator.store.locking import engine_lock
from tests.unit.cli.support import Cli

FAILS = "    - {name: charge, type: service_call, retry: {max_attempts: 1}, config: {service: till, endpoint: /charge}}"


@pytest.mark.capability("D18")
def test_a_dead_letter_names_the_commands_that_see_to_it(cli: Cli) -> None:
    cli("run", cli.flow("pays", FAILS), "--service", "till=http://127.0.0.1:1", "--id", "order-1")
    shown = cli("dead-letters", "show", "1").out
    assert "what next" in shown
    assert "baton dead-letters redrive 1, edit 1 before that, or discard 1" in " ".join(shown.split())
    assert cli("dead-letters", "discard", "1").code == 0
    assert "what next" not in cli("dead-letters", "show", "1").out


def test_a_large_input_is_shown_in_part_and_whole_as_json(cli: Cli) -> None:
    flow = cli.flow("pays", FAILS)
    cli.write("order.json", '{"order": "' + "x" * 50_000 + '"}')
    cli("run", flow, "--service", "till=http://127.0.0.1:1", "--input", "@order.json")
    assert len(cli("dead-letters", "show", "1").out) < 5_000
    assert len(cli("dead-letters", "show", "1", "--json").json["input"]["order"]) == 50_000


def test_who_takes_up_what_is_tried_again_is_said_as_it_is(cli: Cli) -> None:
    """The running engine where there is one; else the command that goes on."""
    cli("run", cli.flow("pays", FAILS), "--service", "till=http://127.0.0.1:1", "--id", "order-1")
    alone = cli("dead-letters", "redrive", "1")
    assert "No engine drives the database now. Go on: baton resume" in " ".join(alone.err.split())
    cli("resume", "--service", "till=http://127.0.0.1:1")
    with engine_lock(cli.folder / "baton.db", SystemClock()):
        heard = cli("dead-letters", "redrive", "2")
        assert (heard.code, "The running engine does it at once." in heard.err) == (0, True)
        assert "baton resume" not in heard.err


TOOLS = """
from agents import Tools, tool


@tool(effect="irreversible")
def pay(amount: int) -> int:
    "Pay."
    return amount


@tool(undo="unbook")
def book() -> str:
    "Book."
    return "b-1"


@tool
def unbook() -> None:
    "Give back."
    raise ValueError("nobody answers")


def resources():
    return [Tools([pay, book, unbook])]
"""
SAGA = """
    - {name: book, type: tool}
    - {name: pay, type: tool, depends_on: [book], config: {args: {amount: 5}}}
    - {name: charge, depends_on: [pay], type: service_call, retry: {max_attempts: 1}, on_failure: {response: {compensate: done}}, config: {service: till, endpoint: /charge}}
"""  # noqa: E501


@pytest.mark.capability("E11", "E12")
def test_what_is_left_standing_is_shown(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.write("helpers.py", TOOLS)
    monkeypatch.setenv("BATON_MODULES", "helpers.py")
    cli("run", cli.flow("saga", SAGA), "--service", "till=http://127.0.0.1:1", "--id", "e")
    shown = cli("show", "e").out
    assert "standing  pay: 'pay' cannot be undone (key e:pay:0)" in shown
    assert "standing  book: 'book.unbook-1' did not undo it" in shown
    document = cli("show", "e", "--json").json
    assert [(one["path"], one["reason"]) for one in document["left_standing"]] == [
        ("pay", "irreversible"),
        ("book", "not_undone"),
    ]
