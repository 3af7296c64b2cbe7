"""What people get wrong: each is told what, where and what next, with a documented exit code and no traceback."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.cli import app
from orchestrator.cli.app import make_app
from orchestrator.cli.exits import Exit
from tests.unit.cli.support import Cli

ROOT = Path(app.__file__).parents[2]
NAP = "    - {name: nap, type: delay, config: {duration: 1ms}}\n"
ASK = "    - {name: ask, type: approval, config: {message: Go on?}}\n"
NEEDS = "  input: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}}\n"


# -- definitions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["validate", "run", "draw", "publish"])
def test_a_folder_is_no_definition(cli: Cli, command: str) -> None:
    (cli.folder / "flows.yaml").mkdir()
    done = cli(command, "flows.yaml")
    assert done.code == Exit.NOT_FOUND
    assert "'flows.yaml' is a folder, not a definition." in done.out + done.err
    assert "Name the files in it." in done.out + done.err


@pytest.mark.parametrize("command", ["validate", "run", "draw", "publish"])
def test_nothing_is_below_a_file(cli: Cli, command: str) -> None:
    file = cli.flow("nap", NAP)
    assert cli(command, f"{file}/inner.yaml").code == Exit.NOT_FOUND


def test_one_file_that_is_not_there_does_not_hide_the_others(cli: Cli) -> None:
    good, bad = cli.flow("nap", NAP), cli.write("bad.yaml", "- a\n")
    (cli.folder / "loop.yaml").symlink_to("loop.yaml")
    done = cli("validate", "missing.yaml", good, bad, "loop.yaml")
    assert done.code == Exit.PROBLEM
    assert [line.partition(" ")[0] for line in done.out.splitlines()] == [
        "error:",
        "nap.yaml:",
        "bad.yaml:1:1:",
        "loop.yaml:",
    ]
    only_missing = cli("validate", "--json", "missing.yaml", good)
    assert only_missing.code == Exit.NOT_FOUND
    assert [one["ok"] for one in only_missing.json["files"]] == [False, True]


def test_who_misspells_a_file_or_leaves_its_suffix_out_is_told_its_name(cli: Cli) -> None:
    cli.flow("refund", "    - {name: nap, type: delay, config: {duration: 1ms}}\n")
    assert "Did you mean 'refund.yaml'?" in cli("run", "refun.yaml").err
    assert "Did you mean 'refund.yaml'?" in cli("validate", "refund.yml").out
    assert "Published workflows go by name." in cli("run", "payroll.yaml").err
    assert "There is a file of that name: refund.yaml" in cli("run", "refund").err


def test_a_byte_order_mark_does_no_harm(cli: Cli) -> None:
    text = "\ufeff" + (cli.folder / cli.flow("nap", NAP)).read_text()
    assert cli("validate", cli.write("bom.yaml", text)).code == Exit.COMPLETED


def test_a_version_that_is_not_published_is_told_from_those_that_are(cli: Cli) -> None:
    cli("publish", cli.flow("nap", NAP))
    for command in ("draw", "run"):
        done = cli(command, "nap", "--version", "9")
        assert done.code == Exit.NOT_FOUND
        assert "No workflow 'nap' in version 9 is published." in done.err
        assert "Versions of 'nap': 1" in done.err
    assert "Did you mean 'nap'?" in cli("draw", "nip", "--version", "9").err
    assert "Published: nap." in cli("draw", "other", "--version", "9").err


# -- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        ("@missing.json", Exit.NOT_FOUND, "--input: there is no file 'missing.json'."),
        ("@", Exit.NOT_FOUND, "--input: there is no file ''."),
        ("@folder", Exit.NOT_FOUND, "--input: there is no file 'folder'."),
        ("@bytes.json", Exit.PROBLEM, "--input: the file bytes.json is no JSON: byte 2 is not UTF-8 text."),
        ("@empty.json", Exit.PROBLEM, "--input: the file empty.json is no JSON: it is empty."),
        ("n:=", Exit.PROBLEM, "--input: the value of 'n' is no JSON: it is empty."),
    ],
)
def test_values_that_cannot_be_read(cli: Cli, value: str, code: Exit, words: str) -> None:
    (cli.folder / "folder").mkdir()
    (cli.folder / "bytes.json").write_bytes(b"{\xff}")
    cli.write("empty.json", "")
    done = cli("run", cli.flow("needs", NAP, NEEDS), "--input", value)
    assert (done.code, words in done.err) == (code, True), done.err


def test_who_gives_no_input_is_told_how(cli: Cli) -> None:
    done = cli("run", cli.flow("needs", NAP, NEEDS))
    assert done.code == Exit.PROBLEM
    assert "input.n is missing." in done.err
    assert "Give it with --input name=text, --input name:=json or --input @file.json." in done.err


@pytest.mark.parametrize("text", ["", "a b", "-x", "ü", "a\nb", "x" * 256])
def test_an_id_must_be_one_that_can_be_typed_and_sent(cli: Cli, text: str) -> None:
    done = cli("run", cli.flow("nap", NAP), f"--id={text}")
    assert done.code == Exit.PROBLEM
    assert "cannot be the id of an execution." in done.err


def test_an_empty_key_is_most_likely_an_empty_variable(cli: Cli) -> None:
    """All that have it would be one and the same."""
    assert "The idempotency key is empty." in cli("run", cli.flow("nap", NAP), "--key", "").err
    assert cli("publish", cli.flow("nap", NAP)).code == Exit.COMPLETED  # now there is a database
    assert "The event's key is empty." in cli("event", "paid", "--key", "").err
    assert "The event's type is empty." in cli("event", "").err


# -- databases -------------------------------------------------------------------------------------------------------


def test_somebody_elses_database_is_left_alone(cli: Cli) -> None:
    with closing(sqlite3.connect(cli.folder / "app.db")) as db, db:
        db.execute("CREATE TABLE users (name)")
    before = (cli.folder / "app.db").read_bytes()
    for words in (["list"], ["run", cli.flow("nap", NAP)], ["event", "paid"]):
        done = cli(*words, "--database", "app.db")
        assert done.code == Exit.PROBLEM
        assert "is not Baton's: it holds the table 'users'." in done.err
        assert "Name the file that Baton made, or a new one." in done.err
    assert (cli.folder / "app.db").read_bytes() == before


def test_a_damaged_file_and_a_folder_are_told_apart(cli: Cli) -> None:
    assert cli("publish", cli.flow("nap", NAP)).code == Exit.COMPLETED
    os.truncate(cli.folder / "baton.db", 9000)
    assert "It is damaged: go back to a backup" in cli("list").err
    (cli.folder / "folder.db").mkdir()
    assert "It is a folder: name a file in it." in cli("list", "--database", "folder.db").err


def test_a_backup_needs_a_place(cli: Cli) -> None:
    cli("publish", cli.flow("nap", NAP))
    (cli.folder / "there").mkdir()
    nowhere, folder = cli("backup", "nowhere/b.db"), cli("backup", "there")
    assert (nowhere.code, folder.code) == (Exit.NOT_FOUND, Exit.PROBLEM)
    assert "There is no folder 'nowhere'." in nowhere.err
    assert "'there' is a folder." in folder.err
    assert cli("backup", "there/b.db").code == Exit.COMPLETED


def test_a_settings_file_of_another_encoding_is_named(cli: Cli) -> None:
    (cli.folder / ".env").write_bytes(b"\xff\xfe")
    done = cli("list")
    assert done.code == Exit.PROBLEM
    assert "The file '.env' is not UTF-8 text: byte 1 fits nowhere." in done.err


# -- modules ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise SystemExit(0)", "SystemExit: 0."),
        ("def resources(: pass", "SyntaxError: invalid syntax"),
        ("def resources():\n    raise ValueError('no luck')", "ValueError: no luck."),
        ("def resources():\n    return 5", "TypeError: 'resources' is to be a function that gives a list."),
        ("resources = 5", "TypeError: 'resources' is to be a function that gives a list."),
        ("tools = []", "it has neither a function 'resources' nor one 'workflows', and so offers nothing."),
        ("def workflows():\n    return ['x']", "TypeError: 'workflows' gives 'x', which is no Workflow."),
    ],
)
def test_a_module_is_to_blame_for_what_it_does(cli: Cli, text: str, words: str) -> None:
    cli.write("mine.py", text + "\n")
    done = cli("run", cli.flow("nap", NAP), "--module", "mine.py")
    assert done.code == Exit.PROBLEM
    assert "The module 'mine.py' cannot be loaded: " in done.err
    assert words in done.err


def test_a_module_that_is_named_twice_is_one(cli: Cli) -> None:
    cli.write("mine.py", "from agents import Tools\n\ndef f():\n    'x'\n\ndef resources():\n    return [Tools([f])]\n")
    files = ("--module", "mine.py", "--module", str(cli.folder / "mine.py"))
    assert cli("run", cli.flow("nap", NAP), *files).code == Exit.COMPLETED


# -- answers ---------------------------------------------------------------------------------------------------------


def test_a_step_that_asks_nothing_is_told_where_to_look(cli: Cli) -> None:
    cli("run", cli.flow("ask", ASK), "--id", "one", "--until-rest")
    done = cli("approve", "one", "nothing")
    assert done.code == Exit.NOT_FOUND
    assert "List what is open: baton inbox." in done.err
    assert "Write --text WORDS, or --data name=value." in cli("respond", "one").err


def _told_commands() -> Iterator[tuple[str, str]]:
    for package in ("graphs", "agents", "orchestrator", "api"):
        for file in (ROOT / package).rglob("*.py"):
            for word in re.findall(r"[`:(] ?baton ([a-z][a-z-]*)\b(?! is)", file.read_text(encoding="utf-8")):
                yield word, str(file.relative_to(ROOT))


def test_every_command_that_is_recommended_is_there(cli: Cli) -> None:
    names = {info.name for info in make_app().registered_commands}
    names |= {info.name for info in make_app().registered_groups} | {"demo", "serve", "keys"}
    told = list(_told_commands())
    assert len(told) > 30
    assert [place for place in told if place[0] not in names] == []
