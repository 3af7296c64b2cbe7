"""What a model says is shown as words: no terminal is cleared, retitled or coloured by it, no line overwritten."""

import pytest

from tests.unit.cli.support import Cli

HELPERS = '''
from agents import Call, Models, Script, Tools, Turn, tool

BAD = "\\x1b[2J\\x1b]0;owned\\x07 <b>x</b> [red]y[/red] \\r\\x9b31m hidden"


@tool(approval="always")
def look(what: str) -> str:
    """Look."""
    raise ValueError(what)


def resources():
    script = Script("s", turns=(Turn(BAD, calls=(Call("look", {"what": BAD}),)), Turn(BAD)))
    return [Models(allow_real=False, scripts=[script]), Tools([look])]
'''
STEPS = """
    - {name: ask, type: agent, config: {model: "scripted:s", message: Go, tools: [look]}}
    - {name: sure, type: approval, depends_on: [ask], config: {message: "{{ steps.ask.output.answer }}"}}
"""
COMMANDS = (
    ("resume", "e"),
    ("inbox",),
    ("show", "e"),
    ("show", "e", "--records"),
    ("draw", "e"),
    ("replay", "e", "--from", "ask"),
    ("list",),
)


@pytest.mark.capability("security-A18")
def test_no_control_character_of_a_models_words_reaches_the_terminal(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.write("helpers.py", HELPERS)
    monkeypatch.setenv("BATON_MODULES", "helpers.py")
    flow = cli.flow("w", STEPS, '  output: {values: {said: "{{ steps.ask.output.answer }}"}}\n')
    assert cli("run", flow, "--id", "e", "--until-rest").code == 4
    assert cli("approve", "e", "ask[0].look-0~approval").code == 0
    told = {words: cli(*words) for words in COMMANDS}
    assert "owned" in told["resume", "e"].out, "the words themselves are shown"
    for words, done in told.items():
        for bad in ("\x1b[2J", "\x1b]", "\x07", "\r", "\x9b"):
            assert bad not in done.out + done.err, (words, bad)
