"""`--json`: every command prints exactly one JSON document on standard output, whatever happens."""

import json

import pytest

from orchestrator.cli.app import make_app
from tests.unit.cli.support import TEMPLATE, Cli

STEPS = """
    - {name: note, type: function, config: {function: note, args: {path: effects, text: one}}}
    - name: ask
      type: approval
      depends_on: [note]
      config: {message: "Go on?", payload: {amount: 12}, allow: [approve, reject, edit, respond]}
    - {name: paid, type: wait_for_event, depends_on: [note], config: {event_type: paid}}
"""
CLOSES = """
    - {name: note, type: function, config: {function: note, args: {path: effects, text: one}}}
  finally:
    - {name: close, type: function, config: {function: fail}}
"""
COMMANDS = {
    "validate": (("asks.yaml",), {"ok", "files"}),
    "publish": (("asks.yaml",), {"workflows"}),
    "workflows": ((), {"workflows"}),
    "workflows list": ((), {"workflows"}),
    "workflows show": (("asks",), {"workflow", "versions", "definition", "source"}),
    "workflows deprecate": (("asks@1.0",), {"workflow", "offered"}),
    "advise": (("asks",), {"advice"}),
    "run": (("asks", "--id", "order-1", "--metadata", "who=Ada"), {"execution", "waits", "interrupted"}),
    "list": ((), {"executions"}),
    "show": (("order-1",), {"execution", "steps", "waits", "forks", "usage"}),
    "inbox": ((), {"waits"}),
    "audit": ((), {"entries"}),
    "audit verify": ((), {"ok", "rows", "head"}),
    "audit export": (("audit.jsonl",), {"export", "rows", "head"}),
    "breakers": ((), {"breakers"}),
    "mcp": ((), {"servers"}),
    "breakers list": ((), {"breakers"}),
    "breakers reset": (("--all",), {"breakers"}),
    "draw": (("order-1",), {"mermaid"}),
    "event": (("paid", "--data", "total:=5", "--key", "pay-1", "--id", "7"), {"event"}),
    "approve": (("order-1", "--edit", "amount:=9"), {"decision"}),
    "resume": (("order-1",), {"execution", "waits", "interrupted"}),
    "retry": (("order-1", "--from", "note", "--again"), {"execution", "waits", "interrupted"}),
    "reject": (("order-1", "ask"), {"decision"}),
    "replay": (("order-1", "--from", "note", "--detach"), {"execution"}),
    "compare": (
        ("order-1", "order-1"),
        {"left", "right", "facts", "steps", "same", "cost", "seconds", "not_recorded"},
    ),
    "fork": (("order-1", "--at", "note", "--detach"), {"execution"}),
    "cancel": (("order-1",), {"execution"}),
    "respond": (("order-2", "ask", "--text", "any"), {"decision"}),
    "pause": (("order-3",), {"execution"}),
    "continue": (("order-3",), {"execution"}),
    "terminate": (("order-3",), {"execution"}),
    "dead-letters": ((), {"dead_letters"}),
    "dead-letters list": (("--kind", "finally"), {"dead_letters"}),
    "dead-letters show": (("1",), {"dead_letter", "input", "history"}),
    "dead-letters edit": (("1", "--undo"), {"dead_letter"}),
    "dead-letters redrive": (("1",), {"executions"}),
    "dead-letters discard": (("--all",), {"dead_letters"}),
    "prune": (("--older-than", "1d", "--dry-run"), {"executions", "deleted"}),
    "backup": (("copy.db",), {"backup", "bytes"}),
    "schema": ((), {"$schema", "$defs"}),
    "fill": (("sleeps.yaml", "--param", "name=sleeper"), {"workflow", "definition"}),
}
LINES = {"engine", "work"}
"""They go on until they are stopped, a line for each record: see tests/acceptance/cli."""
MODELS = {"ask", "save"}
"""They need a model: see test_ask.py."""


@pytest.mark.capability("O03", "C10", "C16", "D18")
def test_every_command_prints_one_document(cli: Cli) -> None:
    """In an order in which each finds what the one before left."""
    cli.flow("asks", STEPS)
    cli.write("sleeps.yaml", TEMPLATE)
    before = {
        "respond": ("run", "asks.yaml", "--id", "order-2"),
        "pause": ("run", "asks.yaml", "--id", "order-3"),
        "dead-letters": ("run", cli.flow("closes", CLOSES), "--id", "order-4"),
    }
    for name, (words, keys) in COMMANDS.items():
        if name in before:
            cli(*before[name])
        done = cli(*name.split(), *words, "--json")
        assert keys <= done.json.keys(), (name, done)
        assert "error" not in done.json, (name, done)


def test_no_command_is_forgotten() -> None:
    app = make_app()
    names = {str(info.name) for info in app.registered_commands}
    for group in app.registered_groups:
        assert group.typer_instance is not None
        names |= {str(group.name), *(f"{group.name} {info.name}" for info in group.typer_instance.registered_commands)}
    assert names == COMMANDS.keys() | LINES | MODELS


def test_errors_are_documents_too(cli: Cli) -> None:
    """With their code, and with every problem of a definition; standard error stays empty."""
    missing = cli("show", "nope", "--json")
    assert missing.json["error"]["code"] == "database_not_found"
    broken = cli("run", cli.flow("broken", STEPS.replace("approval", "aproval")), "--json")
    [problem] = broken.json["error"]["problems"]
    assert (problem["code"], problem["file"], problem["line"]) == ("step_type_unknown", "broken.yaml", 9)
    assert missing.err == broken.err == ""


def test_options_may_stand_before_the_command(cli: Cli) -> None:
    cli.flow("asks", STEPS)
    assert cli("--json", "--database", "other.db", "run", "asks.yaml").json["execution"]["workflow"] == "asks"
    assert len(cli("--database", "other.db", "list", "--json").json["executions"]) == 1


@pytest.mark.capability("O02")
def test_run_tells_records_as_lines_when_it_is_watched(cli: Cli) -> None:
    done = cli("run", cli.flow("asks", STEPS), "--json", "--watch")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert lines[-1]["execution"]["status"] == "waiting"
    records = [line["record"] for line in lines if "record" in line]
    assert {"seq", "kind", "path", "at", "data"} <= records[0].keys()


def test_waits_come_with_the_commands_that_answer_them(cli: Cli) -> None:
    done = cli("run", cli.flow("asks", STEPS), "--id", "order-1", "--json", "--database", "my orders.db")
    answers = {wait["path"]: wait["answer_with"] for wait in done.json["waits"]}
    where = "--database 'my orders.db'"
    assert answers == {
        "ask": [
            f"baton approve order-1 ask {where}",
            f"baton approve order-1 ask --edit amount=... {where}",
            f"baton reject order-1 ask {where}",
            f"baton respond order-1 ask --text ... {where}",
        ],
        "paid": [f"baton event paid {where}"],
    }
