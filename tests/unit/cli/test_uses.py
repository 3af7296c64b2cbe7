"""Names of functions, tools and services: an error where it is known which there are, and said where it is not."""

import pytest

from tests.unit.cli.support import Cli

FLOW = """
    - {name: one, type: function, config: {function: noet, args: {}}}
    - {name: two, type: tool, config: {tool: hammer}}
    - {name: three, config: {service: billing, endpoint: /}}
"""
NAP = "    - {name: nap, type: delay, config: {duration: 1ms}}\n"
NOTE = "    - {name: one, type: function, config: {function: note, args: {path: effects, text: x}}}\n"
TOOLS = """
from agents import Functions, Service, Services, Tools

def saw(wood: str) -> str:
    \"\"\"Cut wood.\"\"\"
    return wood

def resources():
    return [Functions([saw]), Tools([saw]), Services([Service(name="bank", base_url="http://bank.test")])]
"""


@pytest.mark.capability("X30", "C12")
@pytest.mark.parametrize("command", ["validate", "publish", "run"])
def test_what_the_modules_do_not_offer_is_an_error(cli: Cli, command: str) -> None:
    """With the nearest right name; nothing is published, nothing is begun."""
    cli.write("tools.py", TOOLS)
    done = cli(command, cli.flow("uses", FLOW), "--module", "tools.py")
    assert done.code == 1
    said = done.out + done.err
    assert "error: step 'one', config.function: there is no function 'noet' in this engine's settings. " in said
    assert "Did you mean 'note'?" in said
    assert "error: step 'two', config.tool: there is no tool 'hammer'" in said
    assert "there is no service 'billing' in this engine's settings. Configured services: bank." in said
    assert cli("list").code == 8, "there is no database yet"


@pytest.mark.capability("X30", "C12")
def test_validate_says_what_it_could_not_check_and_how(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BATON_MODULES")
    done = cli("validate", cli.flow("uses", FLOW))
    assert done.code == 0
    assert done.out.splitlines() == [
        "uses.yaml: ok  uses@1.0, 3 steps",
        "  not checked: service billing. Check with --service NAME=URL, or BATON_SERVICES.",
        "  not checked: function noet. Check with --module MODULE|FILE.py, or BATON_MODULES.",
        "  not checked: tool hammer. Check with --module MODULE|FILE.py, or BATON_MODULES.",
    ]
    [file] = cli("validate", "uses.yaml", "--json").json["files"]
    assert file["ok"] and [one["names"] for one in file["unchecked"]] == [["billing"], ["noet"], ["hammer"]]
    published = cli("publish", "uses.yaml")
    assert (published.code, "not checked: function noet." in published.err) == (0, True)
    assert "not checked" not in cli("validate", cli.flow("nap", NAP)).out


@pytest.mark.capability("X30", "X10")
def test_what_runs_here_is_known_to_be_missing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a workflow that was published elsewhere; who only stores it leaves it to the engine that will drive."""
    monkeypatch.delenv("BATON_MODULES")
    for target in (cli.flow("uses", NOTE), "uses"):
        refused = cli("run", target)
        assert (refused.code, "there is no function 'note'" in refused.err) == (1, True)
        assert "None are configured: BATON_MODULES names the modules that offer functions." in refused.err
        cli("publish", "uses.yaml")
    assert cli("run", "uses", "--detach", "--id", "uses-1").code == 0
    assert cli("resume", "uses-1", "--module", "functions.py").code == 0
    promised = cli("validate", cli.flow("gives", NAP, "  output: {schema: {required: [total]}}\n"))
    assert (promised.code, "the schema requires 'total', and nothing produces it" in promised.out) == (1, True)


@pytest.mark.capability("I11")
def test_modules_offer_together_what_they_offer(cli: Cli) -> None:
    """Functions of two modules; the same name in both is told with the module that came later."""
    cli.write("tools.py", TOOLS)
    both = NOTE + "    - {name: two, type: function, config: {function: saw, args: {wood: oak}}}\n"
    assert cli("run", cli.flow("both", both), "--module", "tools.py").code == 0
    cli.write("again.py", TOOLS)
    twice = cli("run", "both.yaml", "--module", "tools.py", "--module", "again.py")
    assert (twice.code, "The module 'again.py' cannot be loaded" in twice.err) == (1, True)
    assert "function 'saw' is registered twice" in twice.err


@pytest.mark.capability("I11", "O03")
def test_commands_that_are_shown_name_the_modules_that_were_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are needed: who drives needs them, who answers does not."""
    monkeypatch.delenv("BATON_MODULES")
    ask = NOTE + "    - {name: ask, type: approval, depends_on: [one], config: {message: Go on?}}\n"
    asked = cli(
        "run", cli.flow("asks", ask), "--id", "asks-1", "--module", "functions.py", "--service", "a=http://a.test"
    )
    assert "Go on after the answer: baton resume asks-1 --module functions.py --service a=http://a.test" in asked.out
    assert "baton approve asks-1 ask\n" in asked.out


def test_a_service_that_is_no_place_is_told_before_anything_runs(cli: Cli) -> None:
    for command in ("validate", "run"):
        done = cli(command, cli.flow("nap", NAP), "--service", "bank=nowhere")
        assert (done.code, "service 'bank', base_url" in done.err) == (1, True)
